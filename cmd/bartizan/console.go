package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bartizan-ai/bartizan/app"
)

type consoleCommand struct {
	Link consoleLink `cmd:"" help:"Make a link that opens one session, once, within 15 minutes."`
}

type consoleLink struct {
	configFlag
	Data   string   `help:"Data folder of the running server, where it has no configuration file (a demo)." placeholder:"DIR"`
	Person string   `help:"Whose session it will be; you if nobody is named." placeholder:"NAME"`
	Role   []string `default:"admin" help:"admin, approver, auditor or reader." placeholder:"ROLE"`
	Team   []string `sep:"none" help:"See and touch only what is this team's; may be given more than once. Left out: the whole organisation." placeholder:"NAME"`
}

// Help is shown by -h.
func (consoleLink) Help() string {
	return "Example:\n  bartizan console link --person ops@acme.example --role auditor\n  bartizan console link --person pat@acme.example --role reader --team support\n  bartizan console link --data build/demo"
}

// Run implements the command.
func (c *consoleLink) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.find(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	if d.app != nil {
		return errors.New("no server is running with this configuration; start `bartizan serve` first")
	}
	if c.Person == "" {
		c.Person = app.Local().Person
	}
	var out struct {
		URL string `json:"url"`
	}
	in := map[string]any{"person": c.Person, "roles": c.Role}
	if len(c.Team) > 0 {
		in["teams"] = c.Team
	}
	if err := d.call(ctx, http.MethodPost, "/links", in, &out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, out.URL)
	return err
}

// find reaches the running server, by its folder or by its configuration.
func (c *consoleLink) find(ctx context.Context) (*deskSide, error) {
	if c.Data == "" {
		return c.desk(ctx)
	}
	if d := running(ctx, c.Data); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("no server is running on %s; start it first", c.Data)
}
