package ledger

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func FuzzSegment(f *testing.F) {
	seg := make([]byte, 4096)
	copy(seg, header{n: 7, size: 4096, epoch: 1}.bytes())
	var b []byte
	for i := range 3 {
		b = appendFrame(b, 7, &frame{seq: uint64(i + 1), batch: segmentHeader, day: 20260304, kind: frameAct, body: []byte("body")})
	}
	copy(seg[segmentHeader:], b)
	f.Add(seg)
	f.Add(seg[:segmentHeader+frameHeader])
	f.Fuzz(func(t *testing.T, seg []byte) {
		frames, faults := scan(seg, 7)
		last := uint64(0)
		for _, f := range frames {
			if f.seq <= last || len(f.body) == 0 || len(f.body) > frameMax {
				t.Fatalf("frame %d of %d bytes after %d", f.seq, len(f.body), last)
			}
			last = f.seq
		}
		for _, d := range faults {
			if d.off < segmentHeader || d.off > int64(max(len(seg), segmentHeader)) || d.bytes < 0 {
				t.Fatalf("damage at %d of %d bytes in %d", d.off, d.bytes, len(seg))
			}
		}
		if h, err := parseHeader(seg); err == nil && !bytes.Equal(h.bytes(), seg[:segmentHeader]) {
			t.Fatal("a header with two forms")
		}
	})
}

func FuzzLeaf(f *testing.F) {
	leaf := Leaf{Kind: "exchange", ID: "ex_1", System: "support-bot", Seq: 2, Began: time.Unix(1, 0)}
	f.Add(leaf.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		leaf, err := ParseLeaf(b)
		if err == nil && !bytes.Equal(leaf.Bytes(), b) {
			t.Fatal("a leaf with two forms")
		}
	})
}

func FuzzReceipt(f *testing.F) {
	k, err := openKeys(osDisk{}, f.TempDir(), "test.invalid", false)
	if err != nil {
		f.Fatal(err)
	}
	good := k.promise("ex_1", time.Unix(1, 0))
	f.Add(good)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseReceipt(s)
		if err != nil {
			return
		}
		if !idPattern.MatchString(p.Exchange) {
			t.Fatalf("a receipt for %q", p.Exchange)
		}
		again := base64.RawURLEncoding.EncodeToString(append(p.signed, p.sig...))
		if p.Verify(k.vkey) == nil && again != good {
			t.Fatal("a receipt nobody signed")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	k, err := openKeys(osDisk{}, f.TempDir(), "test.invalid", false)
	if err != nil {
		f.Fatal(err)
	}
	v, err := note.NewVerifier(k.vkey)
	if err != nil {
		f.Fatal(err)
	}
	good, err := note.Sign(&note.Note{Text: checkpoint{"test.invalid", 5, emptyRoot}.text()}, k.signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, msg []byte) {
		// Ed25519 has one signature per text; other lines may be unknown keys'.
		if c, err := openCheckpoint(msg, v); err == nil && (c.size != 5 || c.root != emptyRoot || c.origin != "test.invalid") {
			t.Fatalf("a checkpoint nobody signed: %+v", c)
		}
	})
}

func FuzzPlain(f *testing.F) {
	in := intent("ex_1")
	body, err := packIntent(nil, &in)
	if err != nil {
		f.Fatal(err)
	}
	p := intentPlain{id: "ex_1", body: body}
	it := item{intent: p.append(nil)}
	f.Add(it.plain(nil, make([]byte, saltSize)))
	f.Fuzz(func(t *testing.T, b []byte) {
		it, err := parsePlain(b)
		if err != nil {
			return
		}
		r, err := it.record(nil)
		if err == nil && (r.Intent == nil) == (r.Act == nil) {
			t.Fatal("a record of nothing, or of both")
		}
	})
}

func FuzzProof(f *testing.F) {
	f.Add([]byte(`{"origin":"test.invalid","index":0,"leaf":"AQ==","proof":["AQ=="],"checkpoint":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseProof(b); err == nil {
			if _, err := p.Verify("test.invalid+8f809166+AfqBtbUqV+a3jyE8eYujKrY5gn/m6DA/FRLG0E3KQEY7"); err == nil {
				t.Fatal("a proof nobody made")
			}
		}
	})
}
