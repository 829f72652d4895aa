//go:build unix

package cmd

import (
	"os"
	"testing"
	"time"
)

// A command that is done waits for no poll of its output: forty watches of commands
// that take 5 ms end in less time than a quarter as many polls take.
func TestOutputWatchEndsAtOnce(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	command := time.NewTicker(5 * time.Millisecond)
	defer command.Stop()
	begun := time.Now()
	for range 40 {
		stop := watchOutput(t.Context(), write, func() { t.Error("the reader is there") })
		<-command.C
		stop()
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("40 watches took %s to end", took)
	}
}

func TestOutputWatchSeesTheReaderGo(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	gone := make(chan struct{})
	stop := watchOutput(t.Context(), write, func() { close(gone) })
	defer stop()
	_ = read.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that the reader is gone")
	}
}
