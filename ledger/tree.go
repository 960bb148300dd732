package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The log is laid out as C2SP tlog-tiles has it: tiles of 256 hashes, bundles of
// 256 leaves, a signed checkpoint. Any client of that format can read it.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	bundleMax  = tileWidth * (2 + LeafMax)
)

// tree is a log's right edge: what is needed to append and to compute the root.
// Full tiles are on the disk and never change.
type tree struct {
	size   int64
	levels [][]byte // hashes of the partial tile of each level
	bundle []byte   // leaves of the partial bundle
}

// clone lets a commit work on a copy that is dropped when the disk fails.
func (t *tree) clone() *tree {
	c := &tree{size: t.size, bundle: append([]byte(nil), t.bundle...)}
	for _, l := range t.levels {
		c.levels = append(c.levels, append([]byte(nil), l...))
	}
	return c
}

// tileFile is a file of the log that is to be written.
type tileFile struct {
	path string
	data []byte
}

// add appends a leaf and returns the tiles and bundles it filled.
func (t *tree) add(leaf []byte) []tileFile {
	var full []tileFile
	t.bundle = append(binary.BigEndian.AppendUint16(t.bundle, uint16(len(leaf))), leaf...)
	n := t.size
	t.size++
	if t.size%tileWidth == 0 {
		full = append(full, tileFile{bundlePath(n/tileWidth, tileWidth), t.bundle})
		t.bundle = nil
	}
	h := tlog.RecordHash(leaf)
	for level := 0; ; level++ {
		if level == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[level] = append(t.levels[level], h[:]...)
		if len(t.levels[level]) < tileWidth*tlog.HashSize {
			return full
		}
		n /= tileWidth
		full = append(full, tileFile{tilePath(level, n, tileWidth), t.levels[level]})
		h = fold(t.levels[level])
		t.levels[level] = nil
	}
}

// fold returns the root over a full tile.
func fold(hashes []byte) tlog.Hash {
	if len(hashes) == tlog.HashSize {
		return tlog.Hash(hashes)
	}
	half := len(hashes) / 2
	return tlog.NodeHash(fold(hashes[:half]), fold(hashes[half:]))
}

// partials returns the tiles and the bundle that are not full.
func (t *tree) partials() []tileFile {
	var files []tileFile
	if len(t.bundle) > 0 {
		files = append(files, tileFile{bundlePath(t.size/tileWidth, int(t.size%tileWidth)), t.bundle})
	}
	for level, data := range t.levels {
		if len(data) > 0 {
			files = append(files, tileFile{tilePath(level, t.size>>(tileHeight*(level+1)), len(data)/tlog.HashSize), data})
		}
	}
	return files
}

// newPartials leaves out what an earlier tree has already: a file that a signed
// checkpoint needs is never opened for writing again.
func (t *tree) newPartials(before *tree) []tileFile {
	have := map[string]bool{}
	for _, f := range before.partials() {
		have[f.path] = true
	}
	return slices.DeleteFunc(t.partials(), func(f tileFile) bool { return have[f.path] })
}

// reader serves the tree's hashes: the right edge from memory, full tiles from
// the directory.
func (t *tree) reader(dir string) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			tile := tlog.TileForIndex(tileHeight, index)
			data, err := t.tile(dir, tile)
			if err != nil {
				return nil, err
			}
			if len(data) < tile.W*tlog.HashSize {
				return nil, fmt.Errorf("%s is cut short", tilePath(tile.L, tile.N, tileWidth))
			}
			if hashes[i], err = tlog.HashFromTile(tile, data, index); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	})
}

// tile returns a tile's hashes, from memory where it is not full yet.
func (t *tree) tile(dir string, tile tlog.Tile) ([]byte, error) {
	if tile.N == t.size>>(tileHeight*(tile.L+1)) && tile.L < len(t.levels) {
		return t.levels[tile.L], nil
	}
	return readFile(filepath.Join(dir, tilePath(tile.L, tile.N, tileWidth)), tileWidth*tlog.HashSize)
}

// root returns the tree's hash. It needs nothing but the right edge.
func (t *tree) root() (tlog.Hash, error) {
	if t.size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(t.size, t.reader(""))
}

// emptyRoot is SHA-256 of nothing, as RFC 6962 has it.
var emptyRoot = tlog.Hash{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}

// loadTree reads the right edge of a log of the given size and checks it against
// the root that was signed.
func loadTree(dir string, size int64, root tlog.Hash) (*tree, error) {
	t := &tree{size: size}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		var data []byte
		if w := int(n % tileWidth); w > 0 {
			var err error
			if data, err = readTile(dir, level, n/tileWidth, w); err != nil {
				return nil, err
			}
		}
		t.levels = append(t.levels, data)
	}
	if w := int(size % tileWidth); w > 0 {
		leaves, err := readBundle(dir, size/tileWidth, w)
		if err != nil {
			return nil, err
		}
		for i, leaf := range leaves {
			if h := tlog.RecordHash(leaf); string(h[:]) != string(t.levels[0][i*tlog.HashSize:][:tlog.HashSize]) {
				return nil, fmt.Errorf("%s: leaf %d is not the one that was logged", bundlePath(size/tileWidth, w), size/tileWidth*tileWidth+int64(i))
			}
			t.bundle = append(binary.BigEndian.AppendUint16(t.bundle, uint16(len(leaf))), leaf...)
		}
	}
	got, err := t.root()
	if err != nil {
		return nil, err
	}
	if got != root {
		return nil, errors.New("checkpoint: the tiles have another root than the one that was signed")
	}
	return t, nil
}

// readTile reads the first w hashes of a tile, from the partial file or, where
// the log has grown meanwhile, from the full one.
func readTile(dir string, level int, n int64, w int) ([]byte, error) {
	path := tilePath(level, n, w)
	data, err := readEither(dir, path, tilePath(level, n, tileWidth), tileWidth*tlog.HashSize)
	if err != nil {
		return nil, err
	}
	if len(data) < w*tlog.HashSize {
		return nil, fmt.Errorf("%s: %d bytes, want %d", path, len(data), w*tlog.HashSize)
	}
	return data[:w*tlog.HashSize], nil
}

// readEither reads a tile or bundle that may have grown since its checkpoint was
// read: then it is a prefix of a wider partial one, or of the full one.
func readEither(dir, path, full string, bound int64) ([]byte, error) {
	var data []byte
	err := fs.ErrNotExist
	for range 3 { // it may grow again between looking and reading
		for _, name := range append([]string{path, full}, wider(dir, full)...) {
			if data, err = readFile(filepath.Join(dir, filepath.FromSlash(name)), bound); !errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, bare(err))
	}
	return data, nil
}

// wider lists the partial files of a tile, the widest first.
func wider(dir, full string) []string {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(full)+".p"))
	if err != nil {
		return nil
	}
	var widths []int
	for _, e := range entries {
		if w, err := strconv.Atoi(e.Name()); err == nil {
			widths = append(widths, w)
		}
	}
	slices.Sort(widths)
	var names []string
	for _, w := range slices.Backward(widths) {
		names = append(names, full+".p/"+strconv.Itoa(w))
	}
	return names
}

// bare drops the path from an error, where the caller names it in its own way.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// readBundle reads the first w leaves of a bundle.
func readBundle(dir string, n int64, w int) ([][]byte, error) {
	path := bundlePath(n, w)
	data, err := readEither(dir, path, bundlePath(n, tileWidth), bundleMax)
	if err != nil {
		return nil, err
	}
	leaves, _, err := parseBundle(data, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return leaves, nil
}

// parseBundle cuts w leaves off and returns what follows them.
func parseBundle(data []byte, w int) (leaves [][]byte, rest []byte, err error) {
	at := 0
	for i := range w {
		if len(data) < at+2 {
			return nil, nil, fmt.Errorf("leaf %d of %d at byte %d is cut short", i, w, at)
		}
		n := int(binary.BigEndian.Uint16(data[at:]))
		if n > LeafMax || len(data) < at+2+n {
			return nil, nil, fmt.Errorf("leaf %d of %d at byte %d is cut short or has a false length", i, w, at)
		}
		leaves = append(leaves, data[at+2:at+2+n])
		at += 2 + n
	}
	return leaves, data[at:], nil
}

func tilePath(level int, n int64, w int) string {
	return "tile/" + strconv.Itoa(level) + "/" + tileNumber(n, w)
}
func bundlePath(n int64, w int) string { return "tile/entries/" + tileNumber(n, w) }

// tileNumber spells 1234067 as x001/x234/067, and a partial one with its width.
func tileNumber(n int64, w int) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	if w < tileWidth {
		s += ".p/" + strconv.Itoa(w)
	}
	return s
}

// checkpoint is what the log's key signs.
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

func (c checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.origin, c.size, base64.StdEncoding.EncodeToString(c.root[:]))
}

// checkpointMax bounds a checkpoint, with room for the signatures of witnesses.
const checkpointMax = 16 << 10

// openCheckpoint checks the signature and reads the text. It refuses everything
// but the one way of writing a number and a hash.
func openCheckpoint(msg []byte, v note.Verifier) (checkpoint, error) {
	if len(msg) > checkpointMax {
		return checkpoint{}, errors.New("it is too long")
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.SplitN(n.Text, "\n", 4)
	if len(lines) != 4 || lines[3] != "" {
		return checkpoint{}, errors.New("it does not have three lines")
	}
	c := checkpoint{origin: lines[0]}
	c.size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.size < 0 {
		return checkpoint{}, errors.New("its size is not a number")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return checkpoint{}, errors.New("its root is not a hash")
	}
	copy(c.root[:], root)
	if c.text() != n.Text {
		return checkpoint{}, errors.New("it is not written in the one allowed way")
	}
	return c, nil
}

// readCheckpoint returns the newest checkpoint of a log and its text; the size
// is zero where there is none yet.
func readCheckpoint(dir string, v note.Verifier) (checkpoint, []byte, error) {
	msg, err := readFile(filepath.Join(dir, "checkpoint"), checkpointMax)
	if errors.Is(err, os.ErrNotExist) {
		return checkpoint{root: emptyRoot}, nil, nil
	}
	if err != nil {
		return checkpoint{}, nil, fmt.Errorf("checkpoint: %w", bare(err))
	}
	c, err := openCheckpoint(msg, v)
	if err != nil {
		return checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	return c, msg, nil
}
