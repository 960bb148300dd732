package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/bartizan-ai/bartizan/record"
)

// Archive reads a ledger's folder without changing anything in it, whether a
// process is using it or not. It sees what the newest checkpoint commits to.
type Archive struct {
	reading
	vkey string
}

var _ record.Reader = (*Archive)(nil)

// OpenArchive opens a folder for reading. Without the keys (keyDir "": the
// folder "keys" beside dir) it can prove, and not read records.
func OpenArchive(dir, keyDir string) (*Archive, error) {
	if keyDir == "" {
		keyDir = filepath.Join(filepath.Dir(filepath.Clean(dir)), "keys")
	}
	text, err := readFile(filepath.Join(dir, "log", "key"), 4<<10)
	if err != nil {
		return nil, fmt.Errorf("ledger: %s is not a ledger's folder: %w", dir, bare(err))
	}
	a := &Archive{vkey: strings.TrimSpace(string(text)), reading: reading{dir: dir}}
	v, err := note.NewVerifier(a.vkey)
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the log's public key: %w", err)
	}
	if exists(keyDir) {
		if a.keys, err = openKeys(osDisk{}, keyDir, "", true); err != nil {
			return nil, err
		}
	}
	for n := 1; n == 1 || exists(shardDir(dir, n)); n++ {
		s, err := openShard(osDisk{}, dir, n, identity{v.Name(), a.vkey}, a.keys, true)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("ledger: opening shard %d: %w", n, err), a.Close())
		}
		a.views = append([]*view{{shard: s, tree: s.tree, signed: s.signed}}, a.views...)
	}
	return a, nil
}

// Records yields what a query selects.
func (a *Archive) Records(ctx context.Context, q record.Query) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		if a.keys == nil {
			yield(record.Record{}, errors.New("ledger: reading records: the keys are not here"))
			return
		}
		a.run(ctx, &q, yield)
	}
}

// Prove proves that an exchange, or the newest phase of an act, is in the log.
func (a *Archive) Prove(ctx context.Context, id string) (*Proof, error) {
	return proveIn(ctx, a.views, a.vkey, id)
}

// proveIn asks the newest log first: an id is only ever in one, unless a backup was
// restored and the same act went on afterwards.
func proveIn(ctx context.Context, views []*view, vkey, id string) (*Proof, error) {
	for _, v := range views {
		if p, err := v.prove(ctx, vkey, id); !errors.Is(err, ErrNotYet) {
			return p, err
		}
	}
	return nil, ErrNotYet
}

// Close closes the files.
func (a *Archive) Close() error {
	var errs []error
	for _, v := range a.views {
		errs = append(errs, v.shard.close())
	}
	return errors.Join(errs...)
}

// Prove proves one id from the folder alone.
func Prove(ctx context.Context, dir, id string) (*Proof, error) {
	a, err := OpenArchive(dir, "")
	if err != nil {
		return nil, err
	}
	p, err := a.Prove(ctx, id)
	return p, errors.Join(err, a.Close())
}
