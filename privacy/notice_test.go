package privacy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func notice() Notice {
	return Notice{System: "support-bot", Team: "support", Contact: "support@acme.example", Purpose: "Answer from the handbook", Environment: "production", MaxLabel: "confidential",
		Policy: "standard@0123", Hidden: []Hidden{{Kind: "pii.email", As: "placeholder", Restored: true, Except: []string{"system"}}}, Stopped: []Stopped{{Kind: "pii.credit_card", Except: []string{"tool"}}}, Seconds: "judge",
		Records: "395d", Content: "30d", Tools: []string{"search"}, Purposes: []string{"support"}, Rules: []RuleNotice{{"owl", "mask"}}, Consents: []string{"region:us"}, Backups: "31d",
		Recipients: []Recipient{{Name: "azure", Models: []string{"fast"}, Profile: Profile{URL: "https://a.example", Dialect: "azure", Training: "never", Sharing: "allowed", Retention: "0d", AbuseMonitoring: "human", HumanReview: "possible",
			Region: "eu", SubProcessors: []string{"Sub One"}, Contract: "C-1", Basis: "DPA 1", Highest: "confidential"}}},
		Readers: []Readers{{"auditor", "records of calls, without the words"}}}
}

// TestNoticeSaysEverything: every value of a notice changes its version, and all that is meant
// for people stands in its words.
func TestNoticeSaysEverything(t *testing.T) {
	base, err := notice().Seal()
	if err != nil {
		t.Fatal(err)
	}
	if len(base.Version) != 12 {
		t.Fatalf("version %q", base.Version)
	}
	n := 0
	walk(reflect.ValueOf(&base).Elem(), "", func(path string, v reflect.Value) {
		if path == ".Version" {
			return
		}
		n++
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		mark := fmt.Sprintf("value-%d", n)
		switch v.Kind() {
		case reflect.String:
			v.SetString(mark)
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int:
			v.SetInt(v.Int() + 7)
		}
		changed, err := base.Seal()
		if err != nil {
			t.Fatal(err)
		}
		if changed.Version == base.Version {
			t.Errorf("%s changes nothing of the version", path)
		}
		quiet := path == ".Recipients.Profile.URL" || path == ".Recipients.Profile.Dialect" || path == ".Recipients.Profile.Training" || path == ".Hidden.As" || path == ".Rules.Action"
		if v.Kind() == reflect.String && !quiet && !strings.Contains(changed.Markdown(), mark) {
			t.Errorf("%s is not in the words", path)
		}
		if v.Kind() == reflect.Bool && strings.ReplaceAll(changed.Markdown(), changed.Version, "") == strings.ReplaceAll(base.Markdown(), base.Version, "") {
			was := base.Markdown()
			v.Set(reflect.ValueOf(!v.Bool()))
			if base.Markdown() == was {
				t.Errorf("%s changes nothing of the words", path)
			}
			return
		}
		v.Set(was)
	})
	if n < 25 {
		t.Errorf("only %d values", n)
	}
	b, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	var back Notice
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, base) {
		t.Errorf("%v", err)
	}
}

// walk visits every string and bool.
func walk(v reflect.Value, path string, f func(string, reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), path, f)
		}
	case reflect.String, reflect.Bool, reflect.Int:
		f(path, v)
	}
}

func TestNoticeWords(t *testing.T) {
	for want, change := range map[string]func(*Notice){
		"Nothing that you write or receive is used to train": func(*Notice) {},
		"do not exclude that they learn":                     func(n *Notice) { n.Recipients[0].Training = "" },
		"region not stated":                                  func(n *Notice) { n.Recipients[0].Region = "" },
		"Nowhere: no provider":                               func(n *Notice) { n.Recipients = nil },
		"No kind of personal data is taken out":              func(n *Notice) { n.Hidden, n.Stopped, n.Rules = nil, nil, nil },
		"The words: not kept":                                func(n *Notice) { n.Content = "none" },
		"as long as the records":                             func(n *Notice) { n.Content = "masked" },
		"Those that do not say so get only what is public":   func(n *Notice) { n.Recipients[0].Training = "allowed" },
		"A model may call no tools":                          func(n *Notice) { n.Tools = nil },
		"every tool that it is offered":                      func(n *Notice) { n.AnyTool = true },
		"only records what it would do":                      func(n *Notice) { n.Monitors = true },
		"may let these providers keep":                       func(n *Notice) { n.State = true },
		"an invented value of the same shape":                func(n *Notice) { n.Hidden[0].As = "fake" },
		`A \*b\* &lt;script> \[x] end.`:                      func(n *Notice) { n.Purpose = "A *b* <script> [x]\nend" },
	} {
		n := notice()
		change(&n)
		if got := n.Markdown(); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestProcessing(t *testing.T) {
	n := notice()
	p := n.Processing()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"support-bot (production)", "support@acme.example", "Answer from the handbook", "Sub One", "azure: region eu, under C-1 DPA 1", "395d", "words: 30d", "email replaced before it leaves (placeholder)", "calls that hold credit_card are stopped", "standard@0123", "confidential"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in %s", want, b)
		}
	}
	n.Recipients[0].Contract, n.Recipients[0].Basis = "", ""
	if got := n.Processing().Transfers[0]; !strings.HasSuffix(got, "under not stated") {
		t.Error(got)
	}
}
