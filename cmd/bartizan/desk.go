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
	socket := app.SocketPath(f.Data)
	d := &deskSide{actor: app.Local()}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(ctx, "unix", socket); err == nil {
		_ = conn.Close()
		d.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			}}}
		return d, nil
	}
	if d.app, err = app.New(ctx, app.Config{File: f, Version: version()}); err != nil {
		return nil, err
	}
	return d, nil
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
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
