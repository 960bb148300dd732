package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/admin"
)

type keysCommand struct {
	Create keysCreate `cmd:"" help:"Make a key for a system; it is shown once."`
	List   keysList   `cmd:"" help:"List keys."`
	Revoke keysRevoke `cmd:"" help:"Revoke a key at once."`
}

type keysCreate struct {
	configFlag
	System string `required:"" help:"Name of the system, as declared." placeholder:"NAME"`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (keysCreate) Help() string {
	return "Example:\n  bartizan keys create --system support-bot -c bartizan.yaml"
}

// Run implements the command.
func (c *keysCreate) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	var k admin.Key
	if d.app == nil {
		err = d.call(ctx, http.MethodPost, "/keys", map[string]string{"system": c.System}, &k)
	} else {
		k.Key, k.Secret, err = d.app.Desk().CreateKey(ctx, d.actor, c.System)
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(s, map[string]string{"id": k.ID, "key": k.Secret, "system": k.System})
	}
	_, err = fmt.Fprintf(s.out, "%s\n", k.Secret)
	fmt.Fprintf(s.err, "This is the key of %s (%s). It is shown this once; keep it safe.\n", k.System, k.ID)
	return err
}

type keysList struct {
	configFlag
	System string `help:"Only keys of this system." placeholder:"NAME"`
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (keysList) Help() string { return "Example:\n  bartizan keys list --system support-bot" }

// Run implements the command.
func (c *keysList) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	var keys []access.Key
	if d.app == nil {
		err = d.call(ctx, http.MethodGet, "/keys?system="+url.QueryEscape(c.System), nil, &keys)
	} else {
		keys, err = d.app.Desk().Keys(d.actor, c.System)
	}
	if err != nil {
		return err
	}
	if c.Output == "json" {
		for _, k := range keys {
			if err := printJSON(s, k); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSYSTEM\tBEGINS\tCREATED\tBY\tSTATE")
	for _, k := range keys {
		state := "valid"
		if !k.Revoked.IsZero() {
			state = "revoked " + k.Revoked.UTC().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\n", k.ID, k.System, k.Hint, k.Created.UTC().Format(time.DateTime), k.CreatedBy, state)
	}
	return w.Flush()
}

type keysRevoke struct {
	configFlag
	ID string `arg:"" help:"Id of the key (key_…)."`
}

// Help is shown by -h.
func (keysRevoke) Help() string { return "Example:\n  bartizan keys revoke key_ab12cd34" }

// Run implements the command.
func (c *keysRevoke) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	if d.app == nil {
		err = d.call(ctx, http.MethodDelete, "/keys/"+url.PathEscape(c.ID), nil, nil)
	} else {
		err = d.app.Desk().RevokeKey(ctx, d.actor, c.ID)
	}
	if err != nil {
		return fmt.Errorf("%s was not revoked: %w; `bartizan keys list` shows the keys that are valid", c.ID, err)
	}
	fmt.Fprintf(s.err, "%s is revoked.\n", c.ID)
	return nil
}
