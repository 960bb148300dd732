package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// certifyMax bounds what is certified, in bytes.
const certifyMax = 1 << 20

// Certify signs a statement with the log's key, as a signed note. A statement is a JSON
// object in lines: no checkpoint begins like one, so none can be had this way.
func (l *Ledger) Certify(statement []byte) ([]byte, error) {
	if !bytes.HasPrefix(statement, []byte("{\n")) || !bytes.HasSuffix(statement, []byte("}\n")) || len(statement) > certifyMax {
		return nil, errors.New("ledger: certifying: this is not a statement")
	}
	signed, err := note.Sign(&note.Note{Text: string(statement)}, l.keys.signer)
	if err != nil {
		return nil, fmt.Errorf("ledger: certifying: %w", err)
	}
	return signed, nil
}

// OpenCertified checks a statement under the log's public key and returns it. It has one
// form: not a byte of it may differ, that of the signature's padding included.
func OpenCertified(vkey string, signed []byte) ([]byte, error) {
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("ledger: reading the log's public key: %w", err)
	}
	if len(signed) > certifyMax+4096 {
		return nil, errors.New("ledger: a certificate is not that long")
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return nil, errors.New("ledger: the certificate was not signed by this log, or was changed since")
	}
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || string(signed) != n.Text+"\n\u2014 "+v.Name()+" "+base64.StdEncoding.EncodeToString(sig)+"\n" {
		return nil, errors.New("ledger: the certificate was changed since it was signed")
	}
	return []byte(n.Text), nil
}
