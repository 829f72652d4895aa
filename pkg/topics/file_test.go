package topics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multi-tenant/manage-kafka/pkg/topics"
)

func TestParseFileNamesTheLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"":                                      "t.yaml: invalid topics file: it is empty",
		"[]":                                    "t.yaml:1: invalid topics file: file: want a mapping of defaults, topics",
		"topics: 3":                             "t.yaml:1: invalid topics file: topics: want a list",
		"defaults: {}":                          "t.yaml:1: invalid topics file: no field topics",
		"topics:\n- nam: a":                     `t.yaml:2: invalid topics file: topic: unknown field "nam"; did you mean name?`,
		"topics:\n- partitions: 3":              "t.yaml:2: invalid topics file: topic without a name",
		"topics:\n- name: a b":                  `t.yaml:2: invalid topics file: invalid topic name "a b"`,
		"topics:\n- name: a\n- name: a":         "t.yaml:3: invalid topics file: a: named on line 2 already",
		"topics:\n- name: a.b\n- name: a_b":     "t.yaml:3: invalid topics file: a_b: a cluster cannot hold it beside a.b",
		"topics:\n- name: a\n  name: b":         "t.yaml:3: invalid topics file: topic: field name stands twice",
		"topics:\n- name: a\n  partitions: 0":   "t.yaml:3: invalid topics file: partitions: want a whole number from 1 to 100000",
		"topics:\n- name: a\n  partitions: 1.5": "t.yaml:3: invalid topics file: partitions: want a whole number",
		"topics:\n- name: a\n  config: {retention.ms: [1]}": "t.yaml:3: invalid topics file: a: config retention.ms: want a text",
		"topics:\n- name: a\n  config: {retention.ms: 7d}":  `t.yaml:2: invalid topics file: a: invalid topic setting: retention.ms="7d"`,
		"topics:\n- name: a\n  dlq: maybe":                  "t.yaml:3: invalid topics file: dlq: want true or false",
		"topics: []\n---\ntopics: []":                       "t.yaml: invalid topics file: more than one document",
		"topics: [":                                         "t.yaml: invalid topics file: line 1: did not find expected node content",
		"a: &a [*a]":                                        "t.yaml",
	} {
		_, err := topics.ParseFile("t.yaml", []byte(body), false)
		if !errors.Is(err, topics.ErrInvalidFile) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
	}
}

func TestParseFileFillsInDefaults(t *testing.T) {
	t.Parallel()
	specs, err := topics.ParseFile("t.yaml", []byte(`
defaults: {partitions: 6, replication: 3, config: {min.insync.replicas: 2, preallocate: true}}
topics:
  - {name: a, dlq: true, partitions: 2}
  - {name: b, config: {min.insync.replicas: 1}}
`), false)
	if err != nil || len(specs) != 3 {
		t.Fatalf("%+v, error %v", specs, err)
	}
	a, queue, b := specs[0], specs[1], specs[2]
	if a.Partitions != 2 || a.Replication != 3 || a.Config["min.insync.replicas"] != "2" || a.Config["preallocate"] != "true" {
		t.Errorf("a: %+v", a)
	}
	if queue.Name != "a.dlq" || queue.DLQOf != "a" || queue.Partitions != 2 || queue.Config["min.insync.replicas"] != "2" {
		t.Errorf("queue: %+v", queue)
	}
	if b.Partitions != 6 || b.Config["min.insync.replicas"] != "1" {
		t.Errorf("b: %+v", b)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte("topics:\n- {name: a, dlq: true, config: {retention.ms: 1}}"))
	f.Add([]byte("defaults: &d {partitions: 1}\ntopics: [*d]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		specs, err := topics.ParseFile("f", body, false)
		if err != nil {
			if !errors.Is(err, topics.ErrInvalidFile) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		if err := topics.CheckSpecs(specs, false); err != nil {
			t.Fatalf("%q was taken and is wrong: %v", body, err)
		}
	})
}
