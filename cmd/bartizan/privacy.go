package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bartizan-ai/bartizan/desk"
	"github.com/bartizan-ai/bartizan/privacy"
)

type privacyCommand struct {
	Find    privacyFind    `cmd:"" help:"Say where a subject's data lies, without content."`
	Export  privacyExport  `cmd:"" help:"Write out what is kept of a subject."`
	Erase   privacyErase   `cmd:"" help:"Destroy a subject's key, and certify it."`
	Verify  privacyVerify  `cmd:"" help:"Verify a certificate of erasure, offline."`
	Hold    holdCommand    `cmd:"" help:"Add, list and lift legal holds."`
	Consent consentCommand `cmd:"" help:"Add, list and revoke consents."`
	Rotate  privacyRotate  `cmd:"" help:"Make a new master key of subjects while calls go on."`
	Asked   privacyAsked   `cmd:"" help:"List requests to read content that wait for a second person."`
	Notice  privacyNotice  `cmd:"" help:"What becomes of the data of those who use a system, as the configuration has it."`
	Approve privacyApprove `cmd:"" help:"Let somebody else read what they asked for, once."`
}

// subjectFlag names a subject. A value on a command line is seen by everybody on the
// machine, and stays in the history of a shell.
type subjectFlag struct {
	Subject string `required:"" help:"A value such as an e-mail address, key:key_… or sub_…; - reads one line of standard input." placeholder:"VALUE"`
}

// read returns the subject as it was meant.
func (f subjectFlag) read(s *streams) (string, error) {
	if f.Subject != "-" {
		return f.Subject, nil
	}
	b := make([]byte, 2048)
	n, err := s.in.Read(b)
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", use("no subject came on standard input: %v", err)
	}
	return line, nil
}

// outputFlag chooses between people and programs.
type outputFlag struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// ask does something at the desk: through the running server's socket, or straight on the
// store.
func ask[T any](f configFlag, method, path string, in any, direct func(context.Context, *desk.Desk, desk.Actor) (T, error)) (out T, err error) {
	ctx := context.Background()
	d, err := f.desk(ctx)
	if err != nil {
		return out, err
	}
	defer d.close()
	if d.app != nil {
		out, err = direct(ctx, d.app.Desk(), d.actor)
		var said *desk.Refusal
		if errors.As(err, &said) {
			err = errors.New(said.Public())
		}
		return out, err
	}
	if method == http.MethodGet {
		in = nil
	}
	d.client.Timeout = 10 * time.Minute // an export or a rotation may be long
	return out, d.call(ctx, method, path, in, &out)
}

// none is what an operation answers that answers nothing.
type none = struct{}

func nothing(err error) (none, error) { return none{}, err }

type privacyFind struct {
	configFlag
	subjectFlag
	outputFlag
	Kind string `help:"Only values of this kind, such as email." placeholder:"KIND"`
}

// Help is shown by -h.
func (privacyFind) Help() string {
	return "Example:\n  bartizan privacy find --subject ann@example.com\n  bartizan privacy find --subject key:key_ab12cd34 -o json"
}

// Run implements the command.
func (c *privacyFind) Run(s *streams) error {
	who, err := c.read(s)
	if err != nil {
		return err
	}
	f, err := ask(c.configFlag, http.MethodPost, "/subjects/find", map[string]string{"subject": who, "kind": c.Kind}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (desk.Findings, error) {
		return d.FindSubject(ctx, a, who, c.Kind)
	})
	if err != nil || c.Output == "json" {
		return cmpErr(err, func() error { return printJSON(s, f) })
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "EXCHANGE\tTIME\tSYSTEM\tKIND\tPLACE")
	for _, p := range f.Places {
		place := p.Path
		if p.Output {
			place = strings.TrimSpace("answer " + place)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Exchange, p.At.UTC().Format(time.DateTime), p.System, p.Kind, place)
	}
	more := ""
	if f.More {
		more = " at least"
	}
	fmt.Fprintf(s.err, "%s lies in%s %s.\n", f.Subject, more, many(len(f.Places), "place"))
	return w.Flush()
}

// many counts things in words that people say.
func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprint(n) + " " + thing + "s"
}

// cmpErr returns the error, or what f does where there is none.
func cmpErr(err error, f func() error) error {
	if err != nil {
		return err
	}
	return f()
}

type privacyExport struct {
	configFlag
	subjectFlag
	Reason string `required:"" help:"Why; it is recorded, and must not say who the subject is." placeholder:"TEXT"`
}

// Help is shown by -h.
func (privacyExport) Help() string {
	return "Example:\n  bartizan privacy export --subject ann@example.com --reason DSR-17 > ann.json"
}

// Run implements the command.
func (c *privacyExport) Run(s *streams) error {
	who, err := c.read(s)
	if err != nil {
		return err
	}
	e, err := ask(c.configFlag, http.MethodPost, "/subjects/export", map[string]string{"subject": who, "reason": c.Reason}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (desk.Exported, error) {
		return d.ExportSubject(ctx, a, who, c.Reason)
	})
	return cmpErr(err, func() error { return printJSON(s, e) })
}

type privacyErase struct {
	configFlag
	subjectFlag
	outputFlag
	Reason      string `required:"" help:"Why; it is recorded, and must not say who the subject is." placeholder:"TEXT"`
	Certificate string `help:"Write the certificate to this file instead of standard output." placeholder:"FILE"`
}

// Help is shown by -h.
func (privacyErase) Help() string {
	return "Example:\n  bartizan privacy erase --subject ann@example.com --reason DSR-17 --certificate ann.cert\n  bartizan privacy verify --certificate ann.cert --data /var/lib/bartizan"
}

// Run implements the command.
func (c *privacyErase) Run(s *streams) error {
	who, err := c.read(s)
	if err != nil {
		return err
	}
	e, err := ask(c.configFlag, http.MethodPost, "/subjects/erase", map[string]string{"subject": who, "reason": c.Reason}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (desk.Erasure, error) {
		return d.Erase(ctx, a, who, c.Reason)
	})
	if err != nil {
		return err
	}
	if c.Certificate != "" {
		if err := os.WriteFile(c.Certificate, []byte(e.Certificate), 0o600); err != nil {
			return fmt.Errorf("%s was erased, and its certificate cannot be written: %w; erase once more to have another", e.Subject, err)
		}
	}
	switch {
	case c.Output == "json":
		err = printJSON(s, e)
	case c.Certificate == "":
		_, err = fmt.Fprint(s.out, e.Certificate)
	}
	fmt.Fprintf(s.err, "%s is erased: %s and %s in %s can be read no more.\n", e.Subject, many(e.Erased.Values, "value"), many(e.Erased.Texts, "text"), many(e.Erased.Exchanges, "exchange"))
	return err
}

type privacyVerify struct {
	Certificate string `required:"" help:"The certificate." placeholder:"FILE" type:"existingfile"`
	Key         string `help:"The log's public key, as known from elsewhere." placeholder:"KEY"`
	Data        string `help:"Take the key from this data folder, or a copy of it." placeholder:"DIR"`
	outputFlag
}

// Help is shown by -h.
func (privacyVerify) Help() string {
	return "Example:\n  bartizan privacy verify --certificate ann.cert --key 'NAME+HASH+KEY'\n\nExit code 1 says that the certificate is not good."
}

// Run implements the command.
func (c *privacyVerify) Run(s *streams) error {
	b, err := os.ReadFile(c.Certificate)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", c.Certificate, err)
	}
	key := c.Key
	if key == "" && c.Data != "" {
		b, err := os.ReadFile(filepath.Join(c.Data, "ledger", "log", "key"))
		if err != nil {
			return use("the log's public key cannot be read: %v; give it with --key", err)
		}
		key = strings.TrimSpace(string(b))
	}
	cert, err := desk.VerifyCertificate(b, key)
	if err != nil {
		return &exit{exitFound, fmt.Errorf("%s is NOT good: %w", c.Certificate, err)}
	}
	if c.Output == "json" {
		return printJSON(s, cert)
	}
	fmt.Fprintf(s.out, "good: %s was erased at %s by act %s\n", cert.Subject, cert.Erased.Format(time.DateTime), cert.Act)
	for _, r := range cert.Reached {
		fmt.Fprintf(s.out, "%s: %d; %s\n", r.Where, r.Count, r.How)
	}
	if !cert.KeyBackupsUntil.IsZero() {
		fmt.Fprintf(s.out, "backups of keys live until %s\n", cert.KeyBackupsUntil.Format(time.DateTime))
	}
	for _, l := range cert.Limits {
		fmt.Fprintln(s.out, l)
	}
	if key == "" {
		fmt.Fprintln(s.out, "unpinned: the key is the one that the certificate names; compare it with one known otherwise, with --key")
	}
	return nil
}

type privacyRotate struct{ configFlag }

// Help is shown by -h.
func (privacyRotate) Help() string {
	return "Example:\n  bartizan privacy rotate -c bartizan.yaml\n\nInterrupted anywhere, the rotation goes on at the next start."
}

// Run implements the command.
func (c *privacyRotate) Run(s *streams) error {
	r, err := ask(c.configFlag, http.MethodPost, "/subjects/master", none{}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (privacy.Rotated, error) {
		return d.RotateMaster(ctx, a)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "Master key %d wraps all keys of subjects (%d were wrapped anew); the old one is destroyed.\n", r.Generation, r.Rewrapped)
	return nil
}

type privacyAsked struct{ configFlag }

// Run implements the command.
func (c *privacyAsked) Run(s *streams) error {
	list, err := ask(c.configFlag, http.MethodGet, "/content/requests", nil, func(ctx context.Context, d *desk.Desk, a desk.Actor) ([]privacy.Glass, error) {
		return d.Asked(ctx, a)
	})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "REQUEST\tBY\tSINCE\tWHAT\tREASON")
	for _, g := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", g.ID, g.Asker, g.Made.UTC().Format(time.DateTime), g.Target, g.Reason)
	}
	return w.Flush()
}

type privacyApprove struct {
	configFlag
	ID string `arg:"" help:"Id of the request (glass_…)."`
}

// Run implements the command.
func (c *privacyApprove) Run(s *streams) error {
	_, err := ask(c.configFlag, http.MethodPost, "/content/requests/"+url.PathEscape(c.ID), none{}, func(ctx context.Context, d *desk.Desk, a desk.Actor) (none, error) {
		return nothing(d.ApproveContent(ctx, a, c.ID))
	})
	if err == nil {
		fmt.Fprintf(s.err, "%s is approved; it counts once, within an hour.\n", c.ID)
	}
	return err
}
