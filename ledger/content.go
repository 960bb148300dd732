package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bartizan-ai/bartizan/record"
)

// contentMax bounds what is kept of one side of an exchange.
const contentMax = 64 << 20

// contentFile is where what policy keeps of one side of an exchange lies: in a
// folder per day, so that retention is the removal of folders.
func contentFile(dir string, day uint32, id, side string) string {
	return filepath.Join(dir, "content", fmt.Sprintf("%08d", day), id+"."+side)
}

func contentAbout(id, side string) []byte { return []byte("content " + side + " " + id) }

// sealKept seals passages. Their digest goes into the record.
func (l *Ledger) sealKept(it *item, side string, kept []record.Kept) (sealed []byte, sum [32]byte, err error) {
	k, err := l.keys.forDay(it.day, true)
	if err != nil {
		return nil, sum, err
	}
	plain, err := json.Marshal(kept)
	if err != nil {
		return nil, sum, err
	}
	if len(plain) > contentMax {
		return nil, sum, errors.New("more content than the ledger keeps")
	}
	sealed = sealRandom(k.content, nil, plain, contentAbout(it.id, side))
	return sealed, sha256.Sum256(sealed), nil
}

// writeKept makes content durable before the journal refers to it.
func (l *Ledger) writeKept(it *item, side string) error {
	if it.kept == nil {
		return nil
	}
	name := contentFile(l.cfg.Dir, it.day, it.id, side)
	if err := l.dirs.make(filepath.Dir(name)); err != nil {
		return err
	}
	err := write(l.cfg.disk, name, it.kept)
	if err == nil {
		err = l.cfg.disk.SyncDir(filepath.Dir(name))
	}
	it.kept = nil
	return err
}

// readKept opens content, or returns nothing when retention has removed it.
func readKept(keys *keyring, dir string, day uint32, id, side string, sum [32]byte) ([]record.Kept, error) {
	if sum == [32]byte{} {
		return nil, nil
	}
	sealed, err := readFile(contentFile(dir, day, id, side), contentMax+64)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(sealed) != sum {
		return nil, fmt.Errorf("%w: the content of %s is not what was recorded", ErrCorrupt, id)
	}
	k, err := keys.forDay(day, false)
	if errors.Is(err, errNoKey) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plain, err := openSealed(k.content, sealed, contentAbout(id, side))
	if err != nil {
		return nil, fmt.Errorf("%w: the content of %s cannot be opened", ErrCorrupt, id)
	}
	var kept []record.Kept
	return kept, json.Unmarshal(plain, &kept)
}

// unseal opens the texts of kept passages that lie under a key of their own.
func unseal(kept []record.Kept, open func([]byte) ([]byte, bool, error)) error {
	for i := range kept {
		k := &kept[i]
		if len(k.Sealed) == 0 || open == nil {
			continue
		}
		text, erased, err := open(k.Sealed)
		if err != nil {
			return fmt.Errorf("ledger: opening a kept text: %w", err)
		}
		k.Text, k.Erased, k.Sealed = string(text), erased, nil
		if erased {
			k.Text, k.Marks = record.ErasedText, nil
		}
	}
	return nil
}
