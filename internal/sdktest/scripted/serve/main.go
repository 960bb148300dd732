// Command serve runs the scripted provider for tests that are not written in Go: it
// prints its address, and what it was asked can be read under /control/.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/bartizan-ai/bartizan/internal/sdktest/scripted"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	p := scripted.New()
	mux := http.NewServeMux()
	mux.Handle("/", p)
	mux.HandleFunc("GET /control/hits", func(w http.ResponseWriter, r *http.Request) { say(w, p.Hits(r.FormValue("of"))) })
	mux.HandleFunc("GET /control/last", func(w http.ResponseWriter, r *http.Request) { say(w, p.Last(r.FormValue("of"))) })
	mux.HandleFunc("POST /control/forget", func(http.ResponseWriter, *http.Request) { p.Forget() })
	mux.HandleFunc("GET /control/left", func(w http.ResponseWriter, r *http.Request) {
		select {
		case name := <-p.Left():
			say(w, name)
		case <-r.Context().Done():
		case <-time.After(20 * time.Second):
			http.Error(w, "nobody left", http.StatusRequestTimeout)
		}
	})
	fmt.Printf("http://%s\n", l.Addr())
	log.Fatal(http.Serve(l, mux))
}

func say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print(err)
	}
}
