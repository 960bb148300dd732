package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// disk is everything the ledger does to the file system, so that tests can make
// any single operation fail.
type disk interface {
	Open(name string, flag int) (file, error)
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(name string) error
	SyncDir(name string) error
}

// file is an open file. Sync makes its bytes durable, and its length too.
type file interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	// Allocate reserves room on the disk and writes zeros there.
	Allocate(size int64) error
	Size() (int64, error)
	Close() error
}

// osDisk is the real one. Everything it makes belongs to the owner only.
type osDisk struct{}

func (osDisk) Open(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(name string) error     { return os.Remove(name) }
func (osDisk) Mkdir(name string) error      { return os.Mkdir(name, 0o700) }

// SyncDir makes names durable: creating, renaming and removing change the folder,
// not the file.
func (osDisk) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }

// Size asks the file system, since others may have cut the file.
func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// Allocate writes the zeros it reserves: a file system that only notes the
// extent as unwritten has to change metadata again at each later sync.
func (f osFile) Allocate(size int64) error {
	if err := reserve(f.File, size); err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}

// folders makes directories durable: each new one is synced in its parent, once.
type folders struct {
	disk disk
	mu   sync.Mutex
	made map[string]bool
}

// make creates a folder with its parents.
func (d *folders) make(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.makeLocked(filepath.Clean(dir))
}

// makeLocked goes up until a parent exists, then comes back down. A folder counts
// as made only after its parent has been synced.
func (d *folders) makeLocked(dir string) error {
	if d.made[dir] {
		return nil
	}
	err := d.disk.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.makeLocked(filepath.Dir(dir)); err == nil {
			err = d.disk.Mkdir(dir)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err == nil {
		if err := d.disk.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if d.made == nil {
		d.made = map[string]bool{}
	}
	d.made[dir] = true
	return nil
}

// write creates or overwrites a file and makes its bytes durable. Its name is
// durable only after the directory has been synced too.
func write(d disk, name string, data []byte) error {
	f, err := d.Open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// replace changes a file in one step: whoever reads it sees the old bytes or the
// new ones, after a power cut too.
func replace(d disk, name string, data []byte) error {
	next := name + ".next"
	if err := write(d, next, data); err != nil {
		return err
	}
	if err := d.Rename(next, name); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(name))
}

// readFile reads a file up to a bound, so that a damaged length cannot exhaust
// memory.
func readFile(name string, bound int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, bound+1))
	if err == nil && int64(len(data)) > bound {
		err = errors.New("the file is longer than any the ledger writes")
	}
	return data, err
}

// forget says that a directory may be gone.
func (d *folders) forget(dir string) {
	d.mu.Lock()
	delete(d.made, filepath.Clean(dir))
	d.mu.Unlock()
}

// within lists what a pattern names in a folder, in order. The folder is no part of the pattern: it may
// be called data[1].
func within(dir, pattern string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(dir), pattern)
	for i := range names {
		names[i] = filepath.Join(dir, filepath.FromSlash(names[i]))
	}
	return names, err
}
