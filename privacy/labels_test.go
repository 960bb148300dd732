package privacy

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func labels(t testing.TB, names []string, more map[string]string) *Labels {
	t.Helper()
	l, err := NewLabels(names, more)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestNames: what people, document systems and mail call a label means one of the four.
func TestNames(t *testing.T) {
	l := labels(t, nil, map[string]string{"Company Secret": "highly_confidential", "Blue": "confidential"})
	for want, names := range map[Label][]string{
		Public:  {"public", "PUBLIC", " Public ", "TLP:CLEAR", "tlp:white", "Öffentlich", "Público", "公開"},
		General: {"general", "Internal", "Internal Use Only", "For-Internal-Use-Only", "TLP:GREEN", "Intern", "Nur für den internen Gebrauch", "Usage interne", "General \\ All Employees"},
		Confidential: {"confidential", "Confidential \\ All Employees", "Confidential\\Finance", "Confidential/Recipients Only", "Confidential - Finance", "Company-Confidential", "Restricted", "Official-Sensitive",
			"TLP:AMBER", "Vertraulich", "VERTRAULICH", "Confidentiel", "Confidencial", "Riservato", "Vertrouwelijk", "Fortroligt", "Konfidentiellt", "Luottamuksellinen", "Poufne", "Důvěrné", "機密", "blue"},
		HighlyConfidential: {"highly_confidential", "Highly Confidential", "HIGHLY-CONFIDENTIAL", "Highly Confidential \\ Specified People", "Secret", "Top Secret", "SECRET//NOFORN", "Strictly private", "Strictly private & confidential",
			"Streng vertraulich", "STRENG VERTRAULICH", "Strictement confidentiel", "Altamente confidencial", "Strettamente riservato", "TLP:RED", "company secret"},
	} {
		for _, name := range names {
			if got, ok := l.Parse(name); !ok || got != want {
				t.Errorf("%q is %s, %v; want %s", name, l.Name(got), ok, l.Name(want))
			}
		}
	}
	for _, name := range []string{"", "   ", "---", "sesame", "confidentially", "not confidential", "public\x00", "confidential\xff", strings.Repeat("confidential ", 40), "publicgeneral"} {
		if got, ok := l.Parse(name); ok {
			t.Errorf("%q is %s", name, l.Name(got))
		}
	}
}

// TestOwnNames: an organisation's names go before what others mean by a word.
func TestOwnNames(t *testing.T) {
	l := labels(t, []string{"open", "staff", "secret", "board"}, map[string]string{"Confidential": "board"})
	for name, want := range map[string]Label{"secret": Confidential, "SECRET": Confidential, "Board": HighlyConfidential, "Confidential": HighlyConfidential, "Vertraulich": Confidential, "Open": Public} {
		if got, ok := l.Parse(name); !ok || got != want {
			t.Errorf("%q is %s, %v", name, l.Name(got), ok)
		}
	}
	if l.Name(Confidential) != "secret" || strings.Join(l.Names(), " ") != "open staff secret board" {
		t.Errorf("%v", l.Names())
	}
	for _, bad := range []struct {
		names []string
		more  map[string]string
	}{{[]string{"a"}, nil}, {nil, map[string]string{"x": "nothing"}}, {nil, map[string]string{"": "public"}}, {nil, map[string]string{strings.Repeat("x", 65): "public"}}} {
		if _, err := NewLabels(bad.names, bad.more); err == nil {
			t.Errorf("%v %v was taken", bad.names, bad.more)
		}
	}
}

const prose = "The board met on Tuesday.\nIt talked about the harvest, and about nothing else.\nNobody took notes.\nThe room was cold.\nTea was served.\n"

// TestMarkings: what a document says of itself, in the places where documents say it.
func TestMarkings(t *testing.T) {
	l := labels(t, nil, map[string]string{"Company Secret": "highly_confidential"})
	for text, want := range map[string]Label{
		"CONFIDENTIAL\n\n" + prose:                                       Confidential,
		"Confidential\n" + prose:                                         Confidential,
		prose + "\nConfidential":                                         Confidential,
		prose + "Vertraulich\r\n":                                        Confidential,
		prose + "[CONFIDENTIAL]\n" + prose + prose:                       Confidential,
		"*** Streng vertraulich ***\n" + prose:                           HighlyConfidential,
		"=== STRICTLY CONFIDENTIAL ===\n" + prose:                        HighlyConfidential,
		"# Highly Confidential\n\n" + prose:                              HighlyConfidential,
		"**Company Secret**\n" + prose:                                   HighlyConfidential,
		"TLP:RED\n" + prose:                                              HighlyConfidential,
		prose + "TLP:AMBER+STRICT\n":                                     HighlyConfidential,
		prose + "TLP: GREEN\n":                                           General,
		"SECRET//NOFORN\n" + prose:                                       HighlyConfidential,
		"SECRET\n" + prose:                                               HighlyConfidential,
		"[INTERNAL]\n" + prose:                                           General,
		"Report on rye\nClassification: Confidential\n" + prose:          Confidential,
		"Sensitivity: Company-Confidential\n" + prose:                    Confidential,
		"Einstufung: Streng vertraulich\n" + prose:                       HighlyConfidential,
		"Vertraulichkeit: hoch\nKlassifizierung: Intern\n" + prose:       General,
		"Classification : CONFIDENTIEL\n" + prose:                        Confidential,
		"Clasificación: Confidencial\n" + prose:                          Confidential,
		"Classificação da informação: Confidencial\n" + prose:            Confidential,
		"Classificazione: Riservato\n" + prose:                           Confidential,
		"Rubricering: Zeer geheim\n" + prose:                             HighlyConfidential,
		"Klassifisering: Strengt fortrolig\n" + prose:                    HighlyConfidential,
		"Luokitus: Luottamuksellinen\n" + prose:                          Confidential,
		"Klasyfikacja: Poufne\n" + prose:                                 Confidential,
		"機密区分：極秘\n" + prose:                                              HighlyConfidential,
		"Гриф: Конфиденциально\n" + prose:                                Confidential,
		"**Classification:** Confidential \\ All Employees\n" + prose:    Confidential,
		"| Classification | Highly Confidential |\n" + prose:             HighlyConfidential,
		"---\ntitle: Rye\nlabel: confidential\n---\n" + prose:            Confidential,
		"---\r\nsensitivity: \"Highly Confidential\"\r\n---\r\n" + prose: HighlyConfidential,
		"Acme GmbH | Vertraulich | Seite 3 von 9\n" + prose:              Confidential,
		prose + "© 2026 Acme   Strictly Confidential   Page 2":           HighlyConfidential,
		"Confidential – do not distribute\n" + prose:                     Confidential,
		"<p>CONFIDENTIAL</p>\n" + prose:                                  Confidential,
		"\ufeffCONFIDENTIAL\n" + prose:                                   Confidential,
		"{\"title\": \"Rye\", \"classification\": \"Confidential\", \"text\": \"" + strings.Repeat("rye ", 60) + "\"}":                              Confidential,
		"{\"classification\":\"Confidential\",\"text\":\"hi\"}":                                                                                     Confidential,
		"[{\"id\": 1, \"sensitivity\": \"Highly Confidential\"}]":                                                                                   HighlyConfidential,
		"{\n  \"title\": \"Rye\",\n  \"classification\": \"confidential\",\n  \"pages\": 3\n}":                                                      Confidential,
		"MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Enabled=true\nMSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Name=Confidential\n" + prose: Confidential,
		"Subject: rye\nmsip_labels: MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Enabled=true; MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Method=Standard; MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Name=Highly Confidential;\n" + prose: HighlyConfidential,
		"Internal use only\n" + prose + "CONFIDENTIAL\n":     Confidential,
		strings.Repeat(prose, 200) + "Streng vertraulich\n":  HighlyConfidential,
		"CONFIDENTIAL\n" + strings.Repeat("x", 1<<20):        Confidential,
		"Classification: Confidential":                       Confidential,
		"VS-NUR FÜR DEN DIENSTGEBRAUCH\n" + prose:            Confidential,
		"À USAGE INTERNE\n" + prose:                          General,
		"Confidential / Not for distribution\n" + prose:      Confidential,
		"Strictly Private and Confidential\nDear Ann,\nall.": HighlyConfidential,
	} {
		got, ok := l.Marking(text)
		if !ok || got != want {
			t.Errorf("%.80q is %s, %v; want %s", text, l.Name(got), ok, l.Name(want))
		}
	}
}

// TestNoMarkings: what only talks of confidential things is no marking.
func TestNoMarkings(t *testing.T) {
	l := labels(t, nil, nil)
	for _, text := range []string{
		"", "\n\n", "confidential", "Confidential", "CONFIDENTIAL", "Public", "General", "Secret",
		"Please keep this confidential.\n" + prose,
		"This is confidential: nobody may know.\n" + prose,
		"Confidential information must not leave the house.\n" + prose,
		"The report was marked CONFIDENTIAL.\n" + prose,
		"What does \"strictly confidential\" mean?\n" + prose,
		"Confidential - that was the word he used when we met\n" + prose,
		"Is this public or internal?\nWe should ask.\nThanks",
		"Classification: a survey of methods\n" + prose,
		"Classification: Confidential information includes names.\n" + prose,
		"Sensitivity: 0.93\nSpecificity: 0.91\n" + prose,
		"Our labels are:\n- Public\n- General\n- Confidential\n- Highly Confidential\nWhich one fits?",
		"Our labels:\n* Confidential\n* Secret\n" + prose,
		"1. Confidential\n2. Secret\n" + prose,
		"enum Label {\n  PUBLIC,\n  CONFIDENTIAL,\n  SECRET = 3,\n}\n" + prose,
		"class Note:\n    private = True\n    secret = None\n" + prose,
		"[general]\nname = x\n[private]\nkey = y\n[secret]\nz = 1\n" + prose,
		"Internal\nThe inside of a clock.\n" + prose, "Secret\nA poem about a garden.\n" + prose, "Private\n" + prose,
		prose + prose + "confidential\n" + prose + prose,
		prose + "Confidential\n" + prose + prose,
		"Geheim ist das nicht.\n" + prose, "Das ist streng vertraulich und bleibt unter uns.\n" + prose, "C'est confidentiel, ne le dis à personne.\n" + prose,
		"Confidential:\n" + prose, "confidential?\nyes\nno",
		strings.Repeat(prose, 60) + "CONFIDENTIAL\n" + strings.Repeat(prose, 60), // beyond what is looked at
		"label: confidential\n" + prose,
		"x | y | z\n1 | 2 | 3\n" + prose, "a | | b\n||\n  |  \n" + prose, "  \t\t  x\n" + prose,
		"tlp: a programme\n" + prose,
	} {
		if got, ok := l.Marking(text); ok {
			t.Errorf("%.80q is marked %s", text, l.Name(got))
		}
	}
}

// TestMarkingIsBounded: a text costs what its first and last few kilobytes do.
func TestMarkingIsBounded(t *testing.T) {
	l := labels(t, nil, nil)
	began := time.Now()
	for _, text := range []string{strings.Repeat("[", 64<<20), strings.Repeat("a:", 32<<20), strings.Repeat("\n", 64<<20), strings.Repeat("{\"classification\":", 1<<20), strings.Repeat("<a>", 1<<20), strings.Repeat("c - ", 1<<20)} {
		l.Marking(text)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	text := strings.Repeat("A line of words that say nothing in particular.\n", 4000)
	if n := testing.AllocsPerRun(20, func() { l.Marking(text) }); n > 1 {
		t.Errorf("%v allocations for a document without a marking", n)
	}
}

// FuzzMarking: any text has one label or none, and what lies in the middle of a long one is not read.
func FuzzMarking(f *testing.F) {
	for _, s := range []string{"CONFIDENTIAL\nx", "---\nlabel: secret\n---\n", "a | Vertraulich | b\nc", "MSIP_Label_x_Name=Public", "{\"classification\":\"x\"", "<p>TLP:RED</p>\ny", "[x]\n\xff", "機密区分：極秘\nx", "a |  | b", "1-x: y\n- Secret\n~~~"} {
		f.Add(s)
	}
	l := labels(f, nil, nil)
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := l.Marking(text)
		if !ok && got != Public || got > HighlyConfidential {
			t.Fatalf("%d, %v", got, ok)
		}
		// A marking is there whatever lies between the ends of a long document.
		if len(text) <= edge/2 && !strings.HasPrefix(text, "---") {
			for _, middle := range []string{strings.Repeat("words and words\n", 600)} {
				long := "first\n1\n2\n3\n" + middle + text
				a, aok := l.Marking(long)
				b, bok := l.Marking(strings.Replace(long, "words", "WORDS", 1))
				if a != b || aok != bok {
					t.Fatalf("%v %v, %v %v", a, aok, b, bok)
				}
			}
		}
		if m, ok := l.Parse(text); ok && m > HighlyConfidential {
			t.Fatal(m)
		}
	})
}

// TestConsumerEndpoints: pages for people are no providers; the APIs of the same firms are.
func TestConsumerEndpoints(t *testing.T) {
	for _, s := range []string{"https://chatgpt.com/backend-api", "https://chat.openai.com", "https://CLAUDE.AI/api", "https://www.claude.ai", "https://gemini.google.com/app", "https://copilot.microsoft.com", "https://www.perplexity.ai", "https://poe.com", "https://character.ai",
		"https://you.com", "https://duckduckgo.com/duckchat/v1", "https://duck.ai", "https://grok.com", "https://chat.deepseek.com", "https://chat.mistral.ai:443", "https://huggingface.co/chat", "https://www.meta.ai.", "https://a.b.chatgpt.com"} {
		if u, err := url.Parse(s); err != nil {
			t.Error(err)
		} else if host, is := Consumer(u); !is || !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), host) {
			t.Errorf("%s: %s, %v", s, host, is)
		}
	}
	for _, s := range []string{"https://api.openai.com/v1", "https://api.anthropic.com", "https://acme.openai.azure.com", "https://api.perplexity.ai", "https://api.mistral.ai/v1", "https://api.deepseek.com", "https://api.x.ai", "https://router.huggingface.co/v1",
		"https://generativelanguage.googleapis.com", "https://notchatgpt.com", "http://127.0.0.1:11434", "https://claude.ai.example"} {
		if u, err := url.Parse(s); err != nil {
			t.Error(err)
		} else if host, is := Consumer(u); is {
			t.Errorf("%s is taken for %s", s, host)
		}
	}
}
