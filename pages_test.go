package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPageCommands runs every command of a page's shell blocks in order, in one
// home and on one stack, and compares a terminal session with what it shows,
// numbers and widths aside.
func TestPageCommands(t *testing.T) {
	t.Parallel()
	runtime := cmp.Or(os.Getenv("MANAGE_KAFKA_TEST_PAGES_RUNTIME"), "embedded")
	for _, page := range []string{"README.md", "docs/getting-started.md", "docs/operations.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			shell := newPageShell(t, page, runtime)
			t.Cleanup(func() { shell.run("manage-kafka stop --volumes -y") })
			for _, block := range pageBlocks(t, page, 3) {
				switch block.lang {
				case "sh":
					for _, command := range block.lines {
						shell.mustRun(t, command)
					}
				case "console":
					replaySession(t, shell, block.lines)
				}
			}
		})
	}
}

type pageBlock struct {
	lang  string
	lines []string
}

func pageBlocks(t *testing.T, page string, least int) []pageBlock {
	t.Helper()
	body, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []pageBlock
	var open *pageBlock
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```") && open != nil:
			blocks = append(blocks, *open)
			open = nil
		case strings.HasPrefix(line, "```"):
			open = &pageBlock{lang: strings.TrimPrefix(line, "```")}
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	if len(blocks) < least {
		t.Fatalf("%s has %d code blocks, want at least %d", page, len(blocks), least)
	}
	return blocks
}

func replaySession(t *testing.T, shell pageShell, lines []string) {
	t.Helper()
	for i := 0; i < len(lines); {
		command, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			t.Fatalf("%s: session line %q follows no command", shell.page, lines[i])
		}
		var want []string
		for i++; i < len(lines) && !strings.HasPrefix(lines[i], "$ "); i++ {
			want = append(want, lines[i])
		}
		got := shell.mustRun(t, command)
		if shell.runtime != "embedded" {
			continue // the session is one on the embedded runtime
		}
		if g, w := settle(got, shell.home), settle(strings.Join(want, "\n"), "~"); g != w {
			t.Errorf("%s: %s\nshows\n%s\nthe run gave\n%s", shell.page, command, w, g)
		}
	}
}

// settle makes two runs of a session comparable: numbers, blanks and the home
// directory differ.
func settle(text, home string) string {
	text = strings.ReplaceAll(text, home, "~")
	text = regexp.MustCompile(`cluster [A-Za-z0-9_-]{22}`).ReplaceAllString(text, "cluster ID")
	text = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`).ReplaceAllString(text, "RUN")
	text = regexp.MustCompile(`\d+(\.\d+)?( ?(ms|s|B|kB|MB)\b)?`).ReplaceAllString(text, "N")
	text = regexp.MustCompile(`[ \t]+`).ReplaceAllString(text, " ")
	return strings.TrimSpace(text)
}

// pageShell runs commands as a new user would, away from this machine's own stack.
type pageShell struct {
	page    string
	home    string
	runtime string
	env     []string
}

func newPageShell(t *testing.T, page, runtime string) pageShell {
	t.Helper()
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "manage-kafka"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	offset := freeOffset(t, page, runtime)
	shell := pageShell{page: page, home: home, runtime: runtime, env: []string{
		"HOME=" + home,
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
		fmt.Sprintf("MANAGE_KAFKA_PORT_OFFSET=%d", offset),
		"MANAGE_KAFKA_RUNTIME=" + runtime,
	}}
	if runtime == "docker" {
		// Containers are named after the project, and compose is a plugin of the user's.
		shell.env = append(shell.env, fmt.Sprintf("MANAGE_KAFKA_PROJECT=mk-pages-%d", offset),
			"DOCKER_CONFIG="+filepath.Join(os.Getenv("HOME"), ".docker"), "DOCKER_HOST="+os.Getenv("DOCKER_HOST"))
	}
	return shell
}

// pageSlots tell the tests apart that run beside one another, each with a stack that
// it starts more than once: the docker runtime's are in a process of their own.
var pageSlots = map[string]int{
	"README.md": 0, "docs/getting-started.md": 1, "docs/operations.md": 2, "docs/other-tools.md": 3, "examples": 4,
}

// freeOffset finds a port offset at which nothing listens on the stack's ports.
// They are below those of other tests and of outgoing connections. Offsets of two
// slots differ by 5, 10, 15 … modulo 50, and so never by 0, 1, 1011 or 1012, which
// are the differences of the three ports.
func freeOffset(t *testing.T, page, runtime string) int {
	t.Helper()
	slot, ok := pageSlots[page]
	if !ok {
		t.Fatalf("no slot for the ports of %s", page)
	}
	if runtime != "embedded" {
		slot += len(pageSlots)
	}
	for range 100 {
		offset := 7000 + 5*slot + 50*rand.IntN(58)
		if !slices.ContainsFunc([]int{8080, 8081, 9092}, func(port int) bool { return taken(port + offset) }) {
			return offset
		}
	}
	t.Fatal("no free ports")
	return 0
}

func taken(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return true
	}
	_ = l.Close()
	return false
}

// run runs one command line and gives what a terminal would show.
func (s pageShell) run(command string) (string, error) {
	c := exec.Command("sh", "-c", command)
	c.Env, c.Dir = s.env, s.home
	out, err := c.CombinedOutput()
	return string(out), err
}

func (s pageShell) mustRun(t *testing.T, command string) string {
	t.Helper()
	if strings.HasPrefix(command, "go install ") {
		return ""
	}
	out, err := s.run(command)
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s", s.page, command, err, out)
	}
	return out
}
