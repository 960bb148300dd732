package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// Erasure is what an erasure did, with its certificate as the log signed it.
type Erasure struct {
	Subject     string         `json:"subject"`
	Act         string         `json:"act"`
	Erased      privacy.Erased `json:"erased"`
	Certificate string         `json:"certificate"`
}

// Erase destroys the key of a subject, so that nothing of it can be read any more wherever
// copies lie, and returns a certificate. What was erased stays erased if that cannot be
// made: to erase once more gives another.
func (d *Desk) Erase(ctx context.Context, a Actor, subject, reason string) (Erasure, error) {
	e := Erasure{Act: newActID()}
	detail := map[string]string{}
	err := d.onSubject(ctx, a, record.Act{ID: e.Act, Kind: SubjectErase, Reason: reason, Detail: detail}, subject, true, func(s *privacy.Subjects, id string) error {
		done, err := s.Erase(ctx, id)
		e.Subject, e.Erased = id, done
		for what, n := range map[string]int{"keys": done.Keys, "values": done.Values, "texts": done.Texts, "exchanges": done.Exchanges, "rows": done.Rows, "consents": done.Consents} {
			detail[what] = fmt.Sprint(n)
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if e.Certificate, err = d.certificate(ctx, &e); err != nil {
		return e, fmt.Errorf("the subject was erased, and the certificate could not be made: %w; erase once more to have one", err)
	}
	return e, nil
}

// inLog is how long a certificate waits until its act is in the log, and how often it looks.
const (
	inLogWait = 20 * time.Second
	inLogStep = 50 * time.Millisecond
)

// certificate waits until the log proves the end of the act, and has it signed.
func (d *Desk) certificate(ctx context.Context, e *Erasure) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, inLogWait)
	defer cancel()
	proof, leaf, err := d.proven(ctx, e.Act)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(proof)
	if err != nil {
		return "", err
	}
	text, err := privacy.NewCertificate(e.Subject, e.Act, leaf.At, e.Erased, d.rules().KeyBackups, raw).Text()
	if err != nil {
		return "", err
	}
	signed, err := d.cfg.Privacy.Certify(text)
	return string(signed), err
}

// erasedNote is what the leaf of an erasure says once it is done.
const erasedNote = SubjectErase + " done"

func (d *Desk) proven(ctx context.Context, act string) (*ledger.Proof, *ledger.Leaf, error) {
	for {
		p, err := d.cfg.Privacy.Proof(ctx, act)
		if err == nil {
			leaf, err := ledger.ParseLeaf(p.Leaf)
			if err != nil || leaf.Note == erasedNote {
				return p, leaf, err
			}
		} else if !errors.Is(err, ledger.ErrNotYet) {
			return nil, nil, err
		}
		select {
		case <-time.After(inLogStep):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// VerifyCertificate checks a certificate of erasure offline: that the log of this public key
// signed it, and that the act is in that log. vkey "" takes the key that stands in it, which
// whoever made it up could have put there.
func VerifyCertificate(signed []byte, vkey string) (*privacy.Certificate, error) {
	if vkey == "" {
		var err error
		if vkey, err = claimedKey(signed); err != nil {
			return nil, err
		}
	}
	text, err := ledger.OpenCertified(vkey, signed)
	if err != nil {
		return nil, err
	}
	c, err := privacy.ParseCertificate(text)
	if err != nil {
		return nil, err
	}
	p, err := ledger.ParseProof(c.Proof)
	if err != nil {
		return nil, err
	}
	leaf, err := p.Verify(vkey)
	if err != nil {
		return nil, err
	}
	if leaf.ID != c.Act || leaf.Note != erasedNote || !leaf.At.UTC().Truncate(time.Second).Equal(c.Erased) {
		return nil, errors.New("desk: the certificate is of another act than its proof")
	}
	return c, nil
}

// claimedKey is the public key that a certificate names for its log.
func claimedKey(signed []byte) (string, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n")) // indented JSON has no empty line
	c, err := privacy.ParseCertificate(text)
	if err != nil {
		return "", err
	}
	p, err := ledger.ParseProof(c.Proof)
	if err != nil {
		return "", err
	}
	return p.Key, nil
}
