package train

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bartizan-ai/bartizan/guard/detect"
	"github.com/bartizan-ai/bartizan/llm"
)

// pageTexts are scored texts of every kind that a page shows; what they say must not be on it.
func pageTexts() (out []Scored) {
	add := func(file, label, category string, o llm.Origin, p, harm float64) {
		x := &Text{File: file, Label: label, Source: "own/<source>", Category: category, Lang: "de", Origin: o, Text: "canary-7731 é", ID: fmt.Sprint(len(out))}
		out = append(out, Scored{Text: x, Attack: p, Harm: harm})
	}
	for i := range 2000 {
		add("benign_prompts", "benign", "chat", llm.OriginUser, float64(i%100)/110, float64(i%50)/60)
		add("benign_documents", "benign", "page", llm.OriginRetrieved, float64(i%90)/110, 0)
	}
	for i := range 40 {
		add("injection", "injection", "obfuscated:leet", llm.OriginUser, .5+float64(i)/80, 0)
		add("injection", "indirect", "mail", llm.OriginRetrieved, float64(i)/40, 0)
		add("harmful_request", "harmful_request", "mitre:x", llm.OriginUser, .1, float64(i)/40)
	}
	return out
}

func TestPage(t *testing.T) {
	lines := detect.Lines{User: [3]float64{.6, .8, .95}, Data: [3]float64{.5, .7, .9}, Harm: [3]float64{.4, .6, .8}}
	reports := []Report{Measure(unseen, pageTexts(), lines), Measure("dev", pageTexts(), lines)}
	var b bytes.Buffer
	if err := Page(&b, reports); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"Unseen sources", "Dev", "recall at .1 %", fmt.Sprintf(">%.3f<", reports[0].Macro[0]), fmt.Sprintf(">%.3f<", reports[0].AUC), "4\u202f000", "own/&lt;source&gt;: injection", "injection: obfuscated:leet",
		"By row of the mean", "By language", "What follows at the shipped lines", "mean over rows, n = 80", "all harm, n = 40", "Hidden characters: dev", `class="line block"`, "cyber_attack",
		"<th scope=\"row\">injection</th><td>40</td><td>9</td><td>16</td><td>12</td><td>3</td>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, never := range []string{"canary", "http", "<script", "src=", "@import", "url(", "%!", "NaN", "ZgotmplZ", "<no value>"} {
		if strings.Contains(page, never) {
			t.Errorf("%q is on the page", never)
		}
	}
	wellMade(t, page)
}

// wellMade holds the page to what programs that read it aloud need.
func wellMade(t *testing.T, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, refs, pictures, twins := map[string]bool{}, []string{}, 0, 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "svg":
			pictures++
		case "details":
			twins++
		case "table":
			if n.FirstChild == nil || n.FirstChild.Data != "caption" {
				t.Error("a table without a caption")
			}
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				if ids[a.Val] || a.Val == "" {
					t.Errorf("the id %q is there twice or is none", a.Val)
				}
				ids[a.Val] = true
			case "aria-labelledby":
				refs = append(refs, a.Val)
			case "href":
				refs = append(refs, strings.TrimPrefix(a.Val, "#"))
			case "style", "onload", "onclick":
				t.Errorf("<%s %s>", n.Data, a.Key)
			}
		}
	}
	for _, r := range refs {
		if !ids[r] {
			t.Errorf("%q leads nowhere", r)
		}
	}
	if pictures < 40 || twins < 20 {
		t.Errorf("%d pictures, %d tables below them", pictures, twins)
	}
}

// TestCurves reads recall by hand.
func TestCurves(t *testing.T) {
	harmless := make([]float64, 1000)
	for i := range harmless {
		harmless[i] = float64(i) / 1000
	}
	got := points(harmless, []float64{.5, .95, .9995, .999})
	if len(got) != 17 || got[0][0] < .00099 {
		t.Fatalf("%d points from %v on: a share of less than one text has no line", len(got), got[0])
	}
	for _, p := range got {
		switch {
		case nearly(p[0], 1e-3) && p[1] != .5, nearly(p[0], 1e-2) && p[1] != .5, nearly(p[0], 1e-1) && p[1] != .75:
			t.Errorf("at %v recall is %v", p[0], p[1])
		}
	}
}

// TestEmptyPage: a collection without harm, or without anything, is no reason to fail.
func TestEmptyPage(t *testing.T) {
	for name, texts := range map[string][]Scored{"nothing": nil, "one attack": pageTexts()[4000:4001], "harmless": pageTexts()[:3]} {
		var b bytes.Buffer
		if err := Page(&b, []Report{Measure("dev", texts, detect.Lines{})}); err != nil || strings.Contains(b.String(), "NaN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
