package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Certificate says that a subject was erased, and what that reached. Signed by the log, it
// is checked without the deployment: the act of erasure is in the log, and the proof of
// that stands in it.
type Certificate struct {
	Certificate     string          `json:"certificate"` // always certificateOf
	Subject         string          `json:"subject"`
	Act             string          `json:"act"`
	Erased          time.Time       `json:"erased"`
	Exchanges       int             `json:"exchanges"`
	Reached         []Reach         `json:"reached"`
	KeyBackupsUntil time.Time       `json:"key_backups_until,omitzero"`
	Limits          []string        `json:"limits"`
	Proof           json.RawMessage `json:"proof"` // of the act, as the ledger writes it
}

// Reach is one place that an erasure reaches, with what it found there or why there is
// nothing of anybody.
type Reach struct {
	Where string `json:"where"`
	Count int    `json:"count"`
	How   string `json:"how"`
}

const certificateOf = "bartizan erasure 1"

// certificateMax bounds a certificate, in bytes.
const certificateMax = 1 << 20

// NewCertificate writes what an erasure reached.
func NewCertificate(subject, act string, at time.Time, e Erased, backups time.Duration, proof json.RawMessage) *Certificate {
	content := fmt.Sprintf("%d values and %d texts can no longer be opened: the one key they were sealed under was destroyed", e.Values, e.Texts)
	if e.Keys == 0 {
		content = "there was no key of this subject: nothing was kept of it, or an earlier act has erased it"
	}
	c := &Certificate{Certificate: certificateOf, Subject: subject, Act: act, Erased: at.UTC().Truncate(time.Second), Exchanges: e.Exchanges, Proof: proof,
		Reached: []Reach{
			{"journal", 0, "holds ids, counts and digests of exchanges, and no text"},
			{"records", 0, "hold where a value was found and of which kind; names of fields that held a value were masked"},
			{"content", e.Values + e.Texts, content},
			{"index", e.Rows, "rows that led to the subject were deleted and overwritten"},
			{"consents", e.Consents, "rows of the subject were deleted and overwritten"},
			{"exports", 0, "are made of records, without any text"},
			{"placeholders", 0, "are computed and not kept; those in kept texts lead to nothing any more"},
			{"keys", e.Keys, "the subject's key was deleted and overwritten; no process holds keys longer than one exchange"},
		},
		Limits: []string{
			"Whoever has a copy of the database from before and a copy of the master key of that time can open what it held, until such copies are deleted. Once the master key is rotated, a copy of the database alone opens nothing with the keys that are here.",
			"A value that was not recognised when a text was kept is part of that text, and goes with the key of who wrote the text, or with retention; in the name that a caller gave a conversation or a field it goes with retention alone.",
			"What was sent to a provider is held there by the provider's own rules.",
		}}
	if backups > 0 {
		c.KeyBackupsUntil = at.Add(backups).UTC().Truncate(time.Second)
	} else {
		c.Limits = append(c.Limits, "How long backups of keys live is not declared (privacy.key_backups in the configuration).")
	}
	return c
}

// Text is what is signed: indented JSON, so that people can read it.
func (c *Certificate) Text() ([]byte, error) {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("privacy: writing a certificate: %w", err)
	}
	return append(b, '\n'), nil
}

// ParseCertificate reads the text of a certificate, whose signature is the caller's to
// check.
func ParseCertificate(text []byte) (*Certificate, error) {
	if len(text) > certificateMax {
		return nil, errors.New("privacy: a certificate is not that long")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	c := new(Certificate)
	if err := d.Decode(c); err != nil {
		return nil, errors.New("privacy: this is not a certificate of erasure")
	}
	if _, err := d.Token(); err != io.EOF || c.Certificate != certificateOf || !subjectID.MatchString(c.Subject) || c.Act == "" || c.Erased.IsZero() || len(c.Proof) == 0 {
		return nil, errors.New("privacy: this is not a certificate of erasure")
	}
	return c, nil
}
