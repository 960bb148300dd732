package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/bartizan-ai/bartizan/app"
	"github.com/bartizan-ai/bartizan/desk"
)

// deskSide is the desk as a command reaches it: that of a running server through
// its local socket, or one of its own straight on the store.
type deskSide struct {
	client *http.Client
	app    *app.App
	actor  desk.Actor
}

// desk finds the desk. A server that runs has the store and the ledger, so it
// must do what is asked.
func (c configFlag) desk(ctx context.Context) (*deskSide, error) {
	f, err := c.load()
	if err != nil {
		return nil, err
	}
	if d := running(ctx, f.Data); d != nil {
		return d, nil
	}
	d := &deskSide{actor: app.Local()}
	if d.app, err = app.New(ctx, app.Config{File: f, Version: version()}); err != nil {
		return nil, err
	}
	return d, nil
}

// running reaches the server that runs on a data folder; nil when none does.
func running(ctx context.Context, data string) *deskSide {
	var dialer net.Dialer
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", app.SocketPath(data))
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil
	}
	_ = conn.Close()
	return &deskSide{actor: app.Local(), client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: dial}}}
}

func (d *deskSide) close() {
	if d.app != nil {
		_ = d.app.Stop(context.Background())
	}
}

// call asks the running server.
func (d *deskSide) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://desk/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("the running server does not answer on its local socket: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var problem struct {
			Detail string `json:"detail"`
		}
		if json.NewDecoder(resp.Body).Decode(&problem) != nil || problem.Detail == "" {
			return fmt.Errorf("the running server answered with status %d", resp.StatusCode)
		}
		return errors.New(problem.Detail)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
