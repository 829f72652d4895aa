// Package settings reads the configuration files: the project's
// manage-kafka.yaml, found in the working directory or above it, and the
// user's own. It decides nothing about the cluster; [Files.Context] gives one
// context with the file it stands in, and nothing is ever merged from another
// file into it: a project file is somebody else's input.
package settings

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ProjectFile is the name of a project's file.
const ProjectFile = "manage-kafka.yaml"

// Access is what a context allows to change.
type Access string

// The values of a context's access, from the least to the most careful.
const (
	AccessFree     Access = "free"
	AccessConfirm  Access = "confirm"   // a change must name the context
	AccessReadOnly Access = "read-only" // no change at all
)

// stricter orders the values of [Access].
func (a Access) stricter(b Access) bool {
	order := []Access{"", AccessFree, AccessConfirm, AccessReadOnly}
	return slices.Index(order, a) > slices.Index(order, b)
}

// File is one configuration file. Parts of the product that have settings of
// their own add a member here.
type File struct {
	// Current is the context that counts when none is named.
	Current  string             `yaml:"current"`
	Contexts map[string]Context `yaml:"contexts"`
	// Project is the name of the local stack.
	Project string `yaml:"project"`
	// Runtime is what runs the local stack: docker, embedded or auto.
	Runtime string `yaml:"runtime"`
	Events  Events `yaml:"events"`

	// Path is where the file stands.
	Path string `yaml:"-"`
	// Shared is true for a project file, which others wrote.
	Shared bool `yaml:"-"`
}

// Context is a cluster with the rules for it.
type Context struct {
	Bootstrap   []string          `yaml:"bootstrap"`
	Properties  map[string]string `yaml:"properties"`
	Environment string            `yaml:"environment"`
	Access      Access            `yaml:"access"`
	ClusterID   string            `yaml:"cluster_id"`
	// Mask lists JSON pointers (RFC 6901) of members of record values that no
	// output shows.
	Mask []string `yaml:"mask"`
	DLQ  DLQ      `yaml:"dlq"`

	// Name and File say where the context stands.
	Name string `yaml:"-"`
	File *File  `yaml:"-"`
}

// DLQ is what a context says of its dead letter queues.
type DLQ struct {
	// Ledger names the ledger topic where it is not the usual one: one a team,
	// where teams do not trust each other.
	Ledger string `yaml:"ledger"`
}

// Files are the files that count for one command line. Either may be missing.
type Files struct {
	Project *File
	User    *File
}

// Load reads the project file of dir, found there or above, and the user's
// file: the one named, which must exist, or else manage-kafka/config.yaml in
// configDir, which need not. It tells warn about a file with secrets that
// others can read. An error names the file and, where there is one, the line.
func Load(dir, configDir, named string, warn func(string)) (Files, error) {
	var files Files
	path, err := findProject(dir)
	if err != nil {
		return Files{}, err
	}
	if path != "" {
		if files.Project, err = read(path, true, warn); err != nil {
			return Files{}, err
		}
	}
	path = named
	if named == "" && configDir != "" {
		path = filepath.Join(configDir, "manage-kafka", "config.yaml")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			path = ""
		}
	}
	if path != "" {
		if files.User, err = read(path, false, warn); err != nil {
			return Files{}, err
		}
	}
	return files, files.check()
}

// findProject looks for a project file from dir upwards.
func findProject(dir string) (string, error) {
	for dir != "" {
		path := filepath.Join(dir, ProjectFile)
		switch info, err := os.Stat(path); {
		case err == nil && info.Mode().IsRegular(): // a pipe of that name is nobody's settings
			return path, nil
		case err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission):
			return "", err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", nil
		}
		dir = above
	}
	return "", nil
}

// check refuses a context that stands in both files: whichever won, a reader
// of the other would be on the wrong cluster. And it refuses a project file
// that would talk without TLS to a broker that the user's own file talks to
// with it.
func (f Files) check() error {
	if f.Project == nil || f.User == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.Project.Contexts)) {
		if _, both := f.User.Contexts[name]; both {
			return fmt.Errorf("context %s stands in %s and in %s; rename one", name, f.Project.Path, f.User.Path)
		}
		theirs := f.Project.Contexts[name]
		for _, own := range slices.Sorted(maps.Keys(f.User.Contexts)) {
			if c := f.User.Contexts[own]; c.Reaches(theirs.Bootstrap) && c.encrypted() && !theirs.encrypted() {
				return fmt.Errorf("%s: context %s: a project file cannot drop TLS from a broker of your context %s", f.Project.Path, name, own)
			}
		}
	}
	return nil
}

// Context gives the context of this name, or for an empty name the current
// one: the project file's before the user's. ok is false when none is named
// and none is current.
func (f Files) Context(name string) (c Context, ok bool, err error) {
	where := ""
	if name == "" {
		for _, file := range f.list() {
			if file.Current != "" {
				name, where = file.Current, file.Path+": current: "
				break
			}
		}
	}
	if name == "" {
		return Context{}, false, nil
	}
	for _, file := range f.list() {
		if c, found := file.Contexts[name]; found {
			return c, true, nil
		}
	}
	known := f.Names()
	if len(known) == 0 {
		return Context{}, false, fmt.Errorf("%sno context %s: no configuration file has any", where, name)
	}
	return Context{}, false, fmt.Errorf("%sno context %s: there are %s", where, name, strings.Join(known, ", "))
}

// Names lists the contexts of both files.
func (f Files) Names() []string {
	var names []string
	for _, file := range f.list() {
		names = slices.AppendSeq(names, maps.Keys(file.Contexts))
	}
	slices.Sort(names)
	return names
}

// Rules gathers what every context says about a cluster that is reached by one
// of the addresses or has the cluster id, either of which may be empty: the
// strictest access, and every mask. So a cluster keeps its rules when it is
// named by its address.
func (f Files) Rules(addrs []string, clusterID string) (strictest Context, mask []string) {
	for _, file := range f.list() {
		for _, name := range slices.Sorted(maps.Keys(file.Contexts)) {
			c := file.Contexts[name]
			if !c.Reaches(addrs) && (clusterID == "" || c.ClusterID != clusterID) {
				continue
			}
			for _, pointer := range c.Mask {
				if !slices.Contains(mask, pointer) {
					mask = append(mask, pointer)
				}
			}
			if strictest.Name == "" || c.Access.stricter(strictest.Access) {
				strictest = c
			}
		}
	}
	return strictest, mask
}

// Ledger names the ledger of the cluster, by every context that stands for it;
// empty where none says anything. Whoever does not name a context must not
// work with another ledger than those who do.
func (f Files) Ledger(addrs []string, clusterID string) string {
	for _, file := range f.list() {
		for _, name := range slices.Sorted(maps.Keys(file.Contexts)) {
			c := file.Contexts[name]
			if c.DLQ.Ledger != "" && (c.Reaches(addrs) || clusterID != "" && c.ClusterID == clusterID) {
				return c.DLQ.Ledger
			}
		}
	}
	return ""
}

// Reaches tells whether one of the addresses, in the form host:port, is among
// the context's own.
func (c Context) Reaches(addrs []string) bool {
	return slices.ContainsFunc(addrs, c.has)
}

// has tells whether an address is one of the context's own, with the dot at the
// end of a whole name or without.
func (c Context) has(addr string) bool {
	whole := func(addr string) string { return strings.Replace(addr, ".:", ":", 1) }
	return slices.ContainsFunc(c.Bootstrap, func(own string) bool { return whole(own) == whole(addr) })
}

// Covers tells whether every address is among the context's own.
func (c Context) Covers(addrs []string) bool {
	return !slices.ContainsFunc(addrs, func(addr string) bool { return !c.has(addr) })
}

func (c Context) encrypted() bool {
	return strings.HasSuffix(strings.ToUpper(c.Properties["security.protocol"]), "SSL")
}

// All lists the files that exist, the project's first.
func (f Files) All() []*File { return f.list() }

func (f Files) list() []*File {
	return slices.DeleteFunc([]*File{f.Project, f.User}, func(file *File) bool { return file == nil })
}
