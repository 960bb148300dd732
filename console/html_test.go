package console

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bartizan-ai/bartizan/guard"
	"github.com/bartizan-ai/bartizan/internal/redteamtest"
	"github.com/bartizan-ai/bartizan/ledger"
	"github.com/bartizan-ai/bartizan/privacy"
	"github.com/bartizan-ai/bartizan/record"
)

// parse reads a page as browsers do.
func parse(t testing.TB, what, body string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var all []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// check holds a page to what every page must be: WCAG 2.2 as far as HTML alone
// tells, and nothing that runs or loads from elsewhere.
func check(t testing.TB, what, body string) {
	t.Helper()
	all := parse(t, what, body)
	ids, labels, count := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, n := range all {
		count[n.Data]++
		if id, ok := attr(n, "id"); ok {
			if ids[id] || id == "" || strings.ContainsAny(id, " \t\n") {
				t.Errorf("%s: the id %q is there twice or is none", what, id)
			}
			ids[id] = true
		}
		if f, ok := attr(n, "for"); ok {
			labels[f] = true
		}
	}
	for _, n := range all {
		harmless(t, what, n)
		named(t, what, n, labels)
		for _, ref := range []string{"aria-labelledby", "aria-describedby", "for"} {
			v, _ := attr(n, ref)
			for _, id := range strings.Fields(v) {
				if !ids[id] {
					t.Errorf("%s: <%s %s=%q> leads nowhere", what, n.Data, ref, id)
				}
			}
		}
	}
	for name, want := range map[string]int{"h1": 1, "main": 1, "title": 1, "html": 1, "style": 0, "iframe": 0, "object": 0} {
		if name != "title" && count[name] != want {
			t.Errorf("%s: %d <%s>", what, count[name], name)
		}
	}
	if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "%!") || strings.Contains(body, "<no value>") || strings.Contains(body, "&lt;nil&gt;") {
		t.Errorf("%s: a template failed", what)
	}
}

// harmless refuses whatever could run or load something of somebody else.
func harmless(t testing.TB, what string, n *html.Node) {
	t.Helper()
	for _, a := range n.Attr {
		local := strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "#")
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
			t.Errorf("%s: <%s %s>", what, n.Data, a.Key)
		case slices.Contains([]string{"href", "src", "action", "formaction", "data", "data-tail"}, a.Key) && !local:
			t.Errorf("%s: <%s %s=%q> leads elsewhere", what, n.Data, a.Key, a.Val)
		}
	}
	if src, _ := attr(n, "src"); n.Data == "script" && (src != "/static/console.js" || n.FirstChild != nil) {
		t.Errorf("%s: a script %q", what, src)
	}
}

// named wants a name for everything that can be used, and heads for tables.
func named(t testing.TB, what string, n *html.Node, labels map[string]bool) {
	t.Helper()
	label, _ := attr(n, "aria-label")
	id, _ := attr(n, "id")
	kind, _ := attr(n, "type")
	switch n.Data {
	case "a", "button", "summary", "h1", "h2", "h3", "th", "caption":
		if text(n) == "" && label == "" {
			t.Errorf("%s: <%s> without a name", what, n.Data)
		}
	case "input", "select", "textarea":
		if kind != "hidden" && !labels[id] && label == "" {
			t.Errorf("%s: <input id=%q> without a label", what, id)
		}
	case "table":
		if n.FirstChild == nil || n.FirstChild.Data != "caption" {
			t.Errorf("%s: a table without a caption", what)
		}
	case "form":
		if m, _ := attr(n, "method"); m == "post" && !hasToken(n) {
			t.Errorf("%s: a form without a token", what)
		}
	}
	if _, ok := attr(n, "scope"); n.Data == "th" && !ok {
		t.Errorf("%s: a head %q without a scope", what, text(n))
	}
}

func hasToken(form *html.Node) bool {
	for n := range form.Descendants() {
		if name, _ := attr(n, "name"); name == "token" || name == "link" {
			return true
		}
	}
	return false
}

const canary = "XsS7canary"

// payloads are tries to get out of the text: R58.
var payloads = func() (out []string) {
	runs := []string{"window.hit=1", "window.hit`1`", "top['hit']=1"}
	for _, js := range runs {
		for _, shape := range []string{
			"<script>JS</script>", "</title><script>JS</script>", "</pre></code><script>JS</script>", `"><script>JS</script>`, `'><script>JS</script>`, "</textarea><script>JS</script>",
			"<img src=x onerror=JS>", `" onmouseover="JS`, "' onfocus='JS' autofocus='", "` onload=`JS`", "<svg onload=JS>", "<svg><script>JS</script></svg>", "</svg><svg onload=JS>",
			"<math><mtext></mtext><style><img src onerror=JS></style></math>", "<iframe srcdoc='<script>JS</script>'></iframe>", "<body onload=JS>", "<details open ontoggle=JS>",
			"javascript:JS", "JaVaScRiPt:JS", "java\tscript:JS", "data:text/html,<script>JS</script>", "//evil.example/JS", `\x3cscript>JS</script>`, "<!--><script>JS</script>-->", "<![CDATA[<script>JS</script>]]>",
			"{{JS}}", "${JS}", "{{template \"body\"}}JS", "&lt;script&gt;JS&lt;/script&gt;", "+ADw-script+AD4-JS", "\u2028<script>JS</script>", "\x00<script>JS</script>", "<scr\x00ipt>JS</scr\x00ipt>",
			"<base href=//evil.example/>JS", "<meta http-equiv=refresh content='0;url=javascript:JS'>", "<link rel=stylesheet href=//evil.example>JS", "<form action=//evil.example><button>JS", "<a href=javascript:JS>x</a>", "\"/><use href=\"data:,JS",
		} {
			out = append(out, strings.ReplaceAll(shape, "JS", js)+canary)
		}
	}
	return out
}()

// plant writes s into every text of a value.
func plant(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(s)
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			plant(v.Elem(), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			plant(v.Field(i), s)
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i), s)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.ValueOf(s))
		}
	}
}

// infest plants s in everything that the console shows.
func (h *house) infest(s string) {
	for i := range h.records {
		r := &h.records[i]
		id := r.ID()
		plant(reflect.ValueOf(r), s)
		// The ids stay, so that the pages can be found.
		switch {
		case r.Act != nil:
			r.Act.ID = id
		default:
			if r.Intent != nil {
				// A provider that is in no configuration, and sorts below all that are.
				r.Intent.ID, r.Intent.Candidate = id, "z"+strings.ReplaceAll(s, "/", "|")
				r.Intent.Kept[0].Marks, r.Intent.Kept[0].Path = []record.Mark{{Start: 1, End: len(s) - 1}}, s
			}
			if r.Outcome != nil {
				r.Outcome.ID, r.Outcome.Tries = id, nil
			}
		}
	}
	plant(reflect.ValueOf(&h.systems), s)
	plant(reflect.ValueOf(h.proof), s)
	for _, shown := range []any{&h.provides, &h.places, &h.limits, &h.told} {
		plant(reflect.ValueOf(shown), s)
	}
	for i := range h.provides {
		h.provides[i].Name = "a" + s
	}
	for i := range h.places {
		h.places[i].Cells = places()[i].Cells
	}
	redteamtest.Make(h.t, h.attacks, redteamtest.Spec{ID: "planted", Begun: h.clock, Plant: s, Stops: 2})
	h.live = []redteamtest.LiveSpec{{System: "bot", Rounds: 1, Few: true, Last: h.clock, Plant: s}}
	redteamtest.Live(h.t, h.store, h.attacks, h.live...)
	if err := errors.Join(h.canaries.Leaked(context.Background(), "bot", s), h.canaries.Pause(context.Background(), "bot", s, s)); err != nil {
		h.t.Fatal(err)
	}
	h.status = ledger.Status{State: "failed", Reason: s, Origin: s, Key: s, Root: s}
	for i := range h.systems {
		h.systems[i].Policy = "office"
	}
	h.systems[1].Name += "~" // no two systems have one name
	if len(s) > 256 {
		s = s[len(s)-256:] // a rule takes no more
	}
	h.compile(map[string]guard.Policy{"office": {Rules: []guard.Rule{{ID: "planted", Phrase: s, Action: "block", Says: s}}, Allow: []guard.Allowance{{ID: s, Phrase: s, Reason: s, Until: "2026-12-31"}}}, "trial": {Rules: []guard.Rule{{ID: "planted", Pattern: regexp.QuoteMeta(s), Action: "flag"}}}})
}

// infested is a house with s planted everywhere, and keys and a session of the same
// name.
func infested(t testing.TB, s string) *house {
	h := build(t).furnish(6)
	h.infest(s)
	h.wrote(s, s, s)
	h.suspendTo(h.provides[0].Name, privacy.Profile{URL: s, Contract: s, Basis: s, SubProcessors: []string{s, s}})
	if _, _, err := h.keys.Create(context.Background(), s, s); err != nil {
		t.Fatal(err)
	}
	link, err := h.sessions.Link(context.Background(), s, []string{"reader"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.sessions.Redeem(context.Background(), link); err != nil {
		t.Fatal(err)
	}
	return h
}

// planted is the address of an attempt whose texts are planted.
func (h *house) planted() string {
	h.t.Helper()
	c, err := h.counter.Campaign(context.Background(), everything, "planted")
	if err != nil {
		h.t.Fatal(err)
	}
	return "planted/" + c.Analysis.Through[0].Keys[0]
}

// shape is a page as its elements and their attributes, without what they hold.
func shape(t testing.TB, what, body string) string {
	var b strings.Builder
	for _, n := range parse(t, what, body) {
		b.WriteString(n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestPlantedTextIsText plants tries everywhere: the pages have the same elements
// as with a harmless word, and the tries are text.
func TestPlantedTextIsText(t *testing.T) {
	if len(payloads) < 100 {
		t.Fatalf("only %d payloads", len(payloads))
	}
	paths := []string{"/", "/traffic", "/traffic?range=month&scale=own", "/providers", "/conformance", "/notices", "/redteam", "/redteam/live", "/redteam/coverage", "/redteam/planted", "/exchanges", "/exchanges?kind=act", "/exchanges/act_1", "/systems", "/policies", "/guard", "/ledger", "/subjects", "/sessions"}
	look := func(s string) map[string]string {
		h := infested(t, s)
		admin, out := h.as("admin"), map[string]string{}
		for _, path := range append(slices.Clone(paths), "/exchanges/"+h.records[1].ID(), "/exchanges/"+h.records[2].ID()) {
			out[path] = admin.get(path).body
		}
		read := "/exchanges/" + h.records[1].ID() + "/content"
		out[read] = admin.post(read, "reason", s).body
		one := "/redteam/" + h.planted() // another each time
		out["/redteam/planted/attempt"], out["/redteam/planted/attempt/transcript"] = admin.get(one).body, admin.post(one+"/transcript", "reason", s).body
		out["/subjects/find"] = admin.post("/subjects/find", "subject", "ann@example.com").body
		out["/guard/tries"] = admin.post("/guard/tries", "text", s, "policy", "office", "direction", "input", "role", "user").body
		return out
	}
	want := map[string]string{}
	for path, body := range look("harmless" + canary) {
		want[path] = shape(t, path, body)
	}
	for _, p := range payloads {
		for path, body := range look(p) {
			for _, n := range parse(t, path, body) {
				harmless(t, path, n)
			}
			// A phrase with a character that detectors read over matches nothing.
			blind := path == "/guard/tries" && strings.Contains(p, "\x00")
			if got := shape(t, path, body); got != want[path] && !blind {
				t.Errorf("%s: %q changed the page", path, p)
			}
			if !strings.Contains(body, canary) {
				t.Errorf("%s: %q is not shown", path, p)
			}
		}
	}
}

// TestPlantedQueries sends the tries in addresses and forms.
func TestPlantedQueries(t *testing.T) {
	h := build(t).furnish(3)
	admin := h.as("admin")
	for _, p := range payloads {
		q := strings.NewReplacer("%", "%25", " ", "%20", "&", "%26", "#", "%23", "+", "%2B", "\t", "%09", "\x00", "%00", "\"", "%22", "<", "%3C", ">", "%3E", "`", "%60", "{", "%7B", "}", "%7D", "\u2028", "%E2%80%A8", "/", "%2F", "'", "%27", "\\", "%5C", "[", "%5B", "]", "%5D", "$", "%24", ";", "%3B").Replace(p)
		for _, path := range []string{"/exchanges?system=" + q + "&category=" + q + "&end=" + q, "/exchanges?id=" + q, "/exchanges/" + q, "/login/" + q, "/" + q} {
			a := admin.get(path)
			for _, n := range parse(t, path, a.body) {
				harmless(t, path, n)
			}
		}
		admin.post("/systems/keys", "system", p)
		for _, a := range []answer{admin.post("/guard/tries", "text", p, "policy", p, "direction", p), admin.post("/guard/replays", "policy", p, "reason", p, "value1", p),
			admin.post("/guard/replays", "policy", "office", "over", "samples", "range", "day", "reason", p, "family1", p, "origin1", "user", "line1", "block", "value1", "0.5")} {
			if a.code < 400 || strings.Contains(a.body, canary) {
				t.Errorf("%q: %d", p, a.code)
			}
			check(t, "a refused form", a.body)
		}
	}
}
