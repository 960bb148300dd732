package app

import (
	"errors"
	"net/http"
	"os/user"

	"github.com/bartizan-ai/bartizan/access"
	"github.com/bartizan-ai/bartizan/admin"
	"github.com/bartizan-ai/bartizan/console"
	"github.com/bartizan-ai/bartizan/desk"
)

// Local is who acts on this machine: whoever may read the data folder holds every
// key in it anyway, so the file system is the permission.
func Local() desk.Actor {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return desk.Actor{Person: "local:" + name, Roles: []string{"admin"}}
}

// socketHandler is the API for commands on this machine.
func (a *App) socketHandler(at *Addresses) http.Handler {
	return admin.New(admin.Config{Desk: a.desk, Log: a.cfg.Log, Version: a.cfg.Version, Console: func() string { return at.Console },
		Who: func(*http.Request) (desk.Actor, error) { return Local(), nil }})
}

// apiHandler is the API for people with a session at the console.
func (a *App) apiHandler(at *Addresses) http.Handler {
	return http.NewCrossOriginProtection().Handler(admin.New(admin.Config{Desk: a.desk, Log: a.cfg.Log, Version: a.cfg.Version,
		Console: func() string { return at.Console },
		Who: func(r *http.Request) (desk.Actor, error) {
			s, err := a.sessions.Session(r.Context(), r)
			if err != nil {
				return desk.Actor{}, errors.Join(access.ErrSession, err)
			}
			return desk.ActorOf(s), nil
		}}))
}

// consoleHandler serves the console and the API beside it.
func (a *App) consoleHandler(at *Addresses) (http.Handler, error) {
	pages, err := console.New(console.Config{
		Desk: a.desk, Sessions: a.sessions, Ledger: a.ledger.Status, Proof: a.ledger.Receipt, Data: a.file.Load().Data, Log: a.cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", a.apiHandler(at))
	mux.Handle("/", pages)
	return mux, nil
}
