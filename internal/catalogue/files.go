package catalogue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/punchlab/punchlab/internal/strictyaml"
)

// ext is how the files of a catalogue end; nearExt is how people sometimes end
// them, which must not make a file vanish silently.
const (
	ext     = ".yaml"
	nearExt = ".yml"
)

// NameForm is what may stand in a comma-separated flag, in the head of a table,
// and in the name of a file, everywhere unquoted.
const NameForm = `^[a-z0-9][a-z0-9-]{0,39}$`

var validName = regexp.MustCompile(NameForm)

// CheckName says what is wrong with the name of a thing, or with an alias.
func CheckName(name string) error {
	if validName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%s is not a name: want 1 to 40 lower-case letters, digits and hyphens", strictyaml.Quote(name))
}

// NameOf gives the name of the thing in a file: the base of its path without
// .yaml.
func NameOf(file string) string {
	return strings.TrimSuffix(filepath.Base(file), ext)
}

// isPath tells a path from a name. Near misses count as paths, so that the
// message about them speaks of a file.
func isPath(name string) bool {
	return strings.HasSuffix(name, ext) || strings.HasSuffix(name, nearExt) || strings.ContainsAny(name, `/\`)
}

// Folder reads every .yaml file of a user's folder, not those of folders in
// it, sorted by name. Its error tells what is wrong with any of them.
func (k Kind[T]) Folder(dir string) ([]T, error) { return k.folder(os.DirFS(dir), dir) }

// folder reads the files of fsys, which messages call dir.
func (k Kind[T]) folder(fsys fs.FS, dir string) ([]T, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("%s folder %s: %w", k.Word, dir, cause(err))
	}
	var items []T
	var errs []error
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch filepath.Ext(path) {
		case ext:
			item, err := k.read(fsys, entry.Name(), path)
			items, errs = append(items, item), append(errs, err)
		case nearExt:
			errs = append(errs, fmt.Errorf("%s: the file of a %s ends in %s; rename it", path, k.Word, ext))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("%s folder %s: no file in it ends in %s", k.Word, dir, ext)
	}
	slices.SortFunc(items, func(x, y T) int { return strings.Compare(k.name(x), k.name(y)) })
	return items, k.unique(items, dir)
}

// file reads one file that a user named.
func (k Kind[T]) file(path string) (T, error) {
	var none T
	if !strings.HasSuffix(path, ext) {
		return none, fmt.Errorf("%s: a %s is a name or a file that ends in %s", path, k.Word, ext)
	}
	return k.read(os.DirFS(filepath.Dir(path)), filepath.Base(path), path)
}

// read parses one file, which messages call path. It opens regular files only:
// a pipe would make it wait for ever, and reads no more than can be valid.
func (k Kind[T]) read(fsys fs.FS, name, path string) (T, error) {
	var none T
	about, err := fs.Stat(fsys, name)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, cause(err))
	}
	if !about.Mode().IsRegular() {
		return none, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, cause(err))
	}
	data, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return none, fmt.Errorf("%s: %w", path, cause(err))
	}
	return k.Parse(path, data)
}

// cause drops the path from a file error: ours is the one that the user wrote.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
