package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/bartizan-ai/bartizan/desk"
)

type providersCommand struct {
	List    providersList    `cmd:"" help:"List providers, and those that are suspended."`
	Approve providersApprove `cmd:"" help:"Agree to the changed profile of a provider."`
}

type providersList struct {
	configFlag
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (providersList) Help() string { return "Example:\n  bartizan providers list -c bartizan.yaml" }

// listed asks the desk for the providers.
func (d *deskSide) listed(ctx context.Context) ([]desk.Provider, error) {
	if d.app != nil {
		list, _, err := d.app.Desk().Providers(ctx, d.actor)
		return list, err
	}
	var body struct {
		Providers []desk.Provider `json:"providers"`
	}
	err := d.call(ctx, http.MethodGet, "/providers", nil, &body)
	return body.Providers, err
}

// Run implements the command.
func (c *providersList) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	list, err := d.listed(ctx)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		for _, p := range list {
			if err := printJSON(s, p); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PROVIDER\tDIALECT\tTRAINING\tRETENTION\tREGION\tCEILING\tSTATE")
	for _, p := range list {
		state := "agreed"
		if p.Gone {
			state = "not configured"
		}
		if p.Suspended != nil {
			state = "suspended: profile changed"
		}
		h := p.Handling
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Dialect, orUnknown(h.Training), orUnknown(h.Retention), orUnknown(h.Region), orUnknown(h.Ceiling), state)
		if p.Suspended != nil {
			for _, c := range p.Suspended.Changes {
				fmt.Fprintf(w, "  %s: %s -> %s\n", c.Key, orUnknown(c.Old), orUnknown(c.New))
			}
		}
	}
	return w.Flush()
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

type providersApprove struct {
	configFlag
	Name   string `arg:"" help:"Name of the provider."`
	Reason string `required:"" help:"Why; it is recorded."`
}

// Help is shown by -h.
func (providersApprove) Help() string {
	return "Example:\n  bartizan providers approve openai --reason \"new contract, DPA 2026-09\""
}

// Run implements the command.
func (c *providersApprove) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	list, err := d.listed(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Name != c.Name || p.Gone {
			continue
		}
		if p.Suspended == nil {
			return fmt.Errorf("the provider %s is not suspended, so there is nothing to approve", c.Name)
		}
		for _, one := range p.Suspended.Changes {
			fmt.Fprintf(s.err, "%s: %s -> %s\n", one.Key, orUnknown(one.Old), orUnknown(one.New))
		}
		if d.app == nil {
			err = d.call(ctx, http.MethodPost, "/providers/"+url.PathEscape(c.Name)+"/approve", map[string]string{"digest": p.Suspended.Digest, "reason": c.Reason}, nil)
		} else {
			err = d.app.Desk().ApproveProvider(ctx, d.actor, c.Name, p.Suspended.Digest, c.Reason)
		}
		if err == nil {
			_, err = fmt.Fprintf(s.out, "%s is approved; calls go there again.\n", c.Name)
		}
		return err
	}
	return fmt.Errorf("no provider %s is configured; `bartizan providers list` has those that are", c.Name)
}
