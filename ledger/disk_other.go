//go:build !linux

package ledger

import "os"

// syncData makes everything durable where there is no call for the bytes alone.
func syncData(f *os.File) error { return f.Sync() }

// reserve sets the length; writing the zeros takes the room.
func reserve(f *os.File, size int64) error { return f.Truncate(size) }
