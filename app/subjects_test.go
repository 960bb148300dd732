package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// TestHoldsKeepContent: retention leaves what is under legal hold, and what it deletes is
// found no more.
func TestHoldsKeepContent(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	f, err := config.Parse(filepath.Join(dir, "bartizan.yaml"), []byte(shown+"policies: {office: {keep: {content: 30d, records: 60d}}}\n"))
	must(t, err)
	f.Data = filepath.Join(dir, "data")
	s := f.Systems["bot"]
	s.Policy = "office"
	f.Systems["bot"] = s
	a, err := New(ctx, Config{File: f})
	must(t, err)
	defer func() { must(t, a.Stop(ctx)) }()
	now := time.Now()
	keep := func(id, who string, days int) {
		t.Helper()
		at := now.AddDate(0, 0, -days)
		sealer, err := a.subjects.Note(ctx, record.Noting{Exchange: id, System: "bot", At: at, Places: []record.SubjectPlace{{Subject: who, Kind: "text"}}})
		must(t, err)
		sealed, err := sealer.Seal([]string{who}, []byte("text"))
		must(t, err)
		_, err = a.ledger.Begin(ctx, record.Intent{ID: id, At: at, Principal: record.Principal{Kind: "key", ID: "key_1", System: "bot"}, Kept: []record.Kept{{Sealed: sealed}}})
		must(t, err)
		must(t, a.ledger.Finish(ctx, record.Outcome{ID: id, End: "answered"}))
	}
	held := func(id string) (texts, places int) {
		t.Helper()
		for r, err := range a.ledger.Records(ctx, record.Query{ID: id, Content: true}) {
			must(t, err)
			texts = len(r.Intent.Kept)
		}
		for _, who := range []string{"key:key_1", "key:key_2"} {
			found, err := a.subjects.Find(ctx, a.subjects.Named(who), "")
			must(t, err)
			for _, l := range found {
				if l.Exchange == id {
					places++
				}
			}
		}
		return texts, places
	}
	is := func(id string, want int) {
		t.Helper()
		if texts, places := held(id); texts != want || places != want {
			t.Errorf("%s: %d texts, found in %d places, want %d", id, texts, places, want)
		}
	}
	keep("ex_oldest", "key:key_2", 45)
	keep("ex_old", "key:key_1", 40)
	keep("ex_young", "key:key_1", 1)
	hold, err := a.subjects.AddHold(ctx, privacy.Hold{Subject: a.subjects.Named("key:key_1"), Reason: "CASE-7"})
	must(t, err)
	must(t, a.forget(ctx, now))
	is("ex_oldest", 0)
	is("ex_old", 1)
	is("ex_young", 1)
	// The desk says the same: what is kept and why, what a hold keeps longer, what went.
	k, err := a.Desk().Retention(ctx, Local())
	must(t, err)
	policy := a.plan.Load().list()[0].ID()
	if k.Content.For != 30*24*time.Hour || k.Content.Policy != policy || len(k.Policies) != 1 || k.Policies[0].Systems[0] != "bot" || len(k.Holds) != 1 {
		t.Errorf("%+v", k)
	}
	if k.ContentBack.Format(time.DateOnly) != now.AddDate(0, 0, -40).Format(time.DateOnly) || k.RecordsBack.IsZero() {
		t.Errorf("content goes back to %v, records to %v", k.ContentBack, k.RecordsBack)
	}
	if len(k.Deleted) != 1 || k.Deleted[0].Detail["class"] != "content" || k.Deleted[0].Reason != policy || k.Deleted[0].Phase != "done" {
		t.Errorf("deleted was %+v", k.Deleted)
	}
	must(t, a.subjects.LiftHold(ctx, hold.ID, "x"))
	system, err := a.subjects.AddHold(ctx, privacy.Hold{System: "bot", Reason: "CASE-8"})
	must(t, err)
	must(t, a.forget(ctx, now.AddDate(0, 3, 0))) // records are over by now
	is("ex_old", 1)
	if keys, err := filepath.Glob(filepath.Join(f.Data, "keys", "month-*.key")); err != nil || len(keys) == 0 {
		t.Errorf("%v %v", keys, err)
	}
	must(t, a.subjects.LiftHold(ctx, system.ID, "x"))
	must(t, a.forget(ctx, now))
	is("ex_old", 0)
	is("ex_young", 1)
	if days, err := os.ReadDir(filepath.Join(f.Data, "ledger", "content")); err != nil || len(days) != 1 {
		t.Errorf("%v %v", days, err)
	}
}

// TestRestoredStore: a backup of the store does not bring back who was erased since.
func TestRestoredStore(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	f, err := config.Parse(filepath.Join(dir, "bartizan.yaml"), []byte(shown))
	must(t, err)
	f.Data = filepath.Join(dir, "data")
	db := filepath.Join(f.Data, "bartizan.db")
	open := func() *App {
		a, err := New(ctx, Config{File: f})
		must(t, err)
		return a
	}
	a := open()
	gone, err := a.subjects.Seal([]string{"value:ann@example.com"}, []byte("x"))
	must(t, err)
	stays, err := a.subjects.Seal([]string{"value:bob@example.com"}, []byte("y"))
	must(t, err)
	must(t, a.Stop(ctx))
	backup, err := os.ReadFile(db)
	must(t, err)
	a = open()
	_, err = a.Desk().Erase(ctx, Local(), "ann@example.com", "T-1")
	must(t, err)
	must(t, a.Stop(ctx))
	must(t, os.WriteFile(db, backup, 0o600))
	for range 2 {
		a = open()
		if _, err := a.subjects.Open(gone); !errors.Is(err, privacy.ErrErased) {
			t.Errorf("the backup brought it back: %v", err)
		}
		if plain, err := a.subjects.Open(stays); err != nil || string(plain) != "y" {
			t.Errorf("%q %v", plain, err)
		}
		must(t, a.Stop(ctx))
	}
	a = open()
	defer func() { must(t, a.Stop(ctx)) }()
	again := 0
	for r, err := range a.ledger.Records(ctx, record.Query{Kind: "act"}) {
		must(t, err)
		if r.Act.By == "restored backup" {
			again++
		}
	}
	if again != 1 {
		t.Errorf("recorded %d times", again)
	}
}

// TestSubjectsHowto: the configuration of the page is good.
func TestSubjectsHowto(t *testing.T) {
	page, err := os.ReadFile("../docs/howto/subjects.md")
	must(t, err)
	n := 0
	for _, block := range codeBlock.FindAllStringSubmatch(string(page), -1) {
		if block[1] == "yaml" {
			tried(t, block[2])
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d configurations", n)
	}
}
