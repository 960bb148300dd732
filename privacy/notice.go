package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Notice says what becomes of the data of those who use a system (GDPR, Articles 13 and 14):
// what is collected, why, where it goes, how long it stays, who sees it, and how to object. It
// is made of the configuration that is in force and of nothing else, so it cannot say anything
// that is not so.
type Notice struct {
	System      string   `json:"system"`
	Version     string   `json:"version"` // of all that follows: another configuration has another
	Team        string   `json:"team"`
	Contact     string   `json:"contact"`
	Purpose     string   `json:"purpose"`
	Purposes    []string `json:"purposes,omitempty"` // that a call may be for
	Environment string   `json:"environment"`
	MaxLabel    string   `json:"max_label,omitempty"` // the highest label that it may be given

	Policy     string       `json:"policy"`           // name@digest
	Monitors   bool         `json:"only_monitors"`    // policy records and does nothing
	Hidden     []Hidden     `json:"hidden"`           // from every recipient
	Stopped    []Stopped    `json:"stopped"`          // kinds of value that stop a call
	Rules      []RuleNotice `json:"rules"`            // of the operator's about words
	Consents   []string     `json:"consents"`         // uses that need a consent, beside training and sharing
	Allowed    int          `json:"allow_entries"`    // texts that policy calls harmless, however they look
	Seconds    string       `json:"second_stage"`     // who is asked about doubtful texts; "": nobody
	Records    string       `json:"records_kept"`     // "395d"
	Content    string       `json:"content_kept"`     // "none", "masked" or a time
	State      bool         `json:"provider_state"`   // recipients may keep conversations for the caller
	Tools      []string     `json:"tools"`            // that a model may call
	AnyTool    bool         `json:"any_tool"`         // it may call every tool that it is offered
	Recipients []Recipient  `json:"recipients"`       // those who may be sent what is written
	Readers    []Readers    `json:"readers"`          // of what is kept
	Backups    string       `json:"backups,omitzero"` // how long copies of keys live
}

// Hidden is a kind of value that recipients do not get.
type Hidden struct {
	Kind     string   `json:"kind"`
	As       string   `json:"as"` // "placeholder", "fake" or "redact"
	Restored bool     `json:"put_back"`
	Except   []string `json:"except,omitempty"` // origins from which it is not hidden
}

// RuleNotice is a rule of the operator's about words that are no kind of value.
type RuleNotice struct {
	ID     string `json:"id"`
	Action string `json:"action"` // "mask", "block" or "hold"
}

// Stopped is a kind of value that stops a call.
type Stopped struct {
	Kind   string   `json:"kind"`
	Except []string `json:"except,omitempty"` // origins from which it does not
}

// Recipient is a provider that may get what is written.
type Recipient struct {
	Name   string   `json:"name"`
	Models []string `json:"models"` // for which names
	Profile
}

// Readers are people who may see something.
type Readers struct {
	Role string `json:"role"`
	What string `json:"what"`
}

// Seal gives a notice its version.
func (n Notice) Seal() (Notice, error) {
	n.Version = ""
	slices.SortFunc(n.Recipients, func(a, b Recipient) int { return strings.Compare(a.Name, b.Name) })
	b, err := json.Marshal(n)
	if err != nil {
		return Notice{}, fmt.Errorf("privacy: writing the notice of %s: %w", n.System, err)
	}
	sum := sha256.Sum256(b)
	n.Version = hex.EncodeToString(sum[:6])
	return n, nil
}

// Trains says which recipients do not exclude that they learn from what they are sent.
func (n *Notice) Trains() (names []string) {
	for _, r := range n.Recipients {
		if r.Training != "never" && r.Training != "opt_out" {
			names = append(names, r.Name)
		}
	}
	return names
}

// Sentences are the notice in words, by heading: every surface says the same.
func (n *Notice) Sentences() []Section {
	return []Section{
		{"Who answers for it", []string{fmt.Sprintf("%s is run by the team %s for this purpose: %s. It is a system of the environment %s.", n.System, n.Team, n.Purpose, n.Environment),
			"Contact: " + n.Contact + ". Write there to object, to see what is kept of you, to have it corrected or erased, or to ask a person about an answer."}},
		{"What is collected, and why", n.collected()},
		{"What nobody else gets", n.hidden()},
		{"Where it goes", n.goes()},
		{"Training and consent", n.training()},
		{"How long it stays", n.stays()},
		{"Who sees it", n.sees()},
	}
}

// Section is a part of a notice.
type Section struct {
	Title string
	Lines []string
}

func (n *Notice) collected() []string {
	out := []string{"What you write, attach or have tools fetch, and what the model answers: to answer you.",
		"Who called, for which system, when, how much, what was found and what was decided, without the words: to prove that the rules were kept and to find misuse. Every call is recorded in a log that nobody can change unseen.",
		"What you write and what is answered is checked by rules and models in this gate for attacks, harm, secrets and personal data, under the policy " + n.Policy + ". A call may be refused; the refusal has a reference number, and the contact above can have a person look at it."}
	if len(n.Purposes) > 0 {
		out = append(out, "Every call is for one purpose, which stands on its record: "+strings.Join(n.Purposes, ", ")+". A call for another is refused.")
	}
	if n.Monitors {
		out = append(out, "At present the policy only records what it would do.")
	}
	if n.Seconds != "" {
		out = append(out, "Doubtful texts are also shown to the service "+n.Seconds+".")
	}
	if n.MaxLabel != "" {
		out = append(out, "Nothing more sensitive than "+n.MaxLabel+" may be given to this system.")
	}
	switch {
	case n.AnyTool:
		out = append(out, "A model may call every tool that it is offered.")
	case len(n.Tools) > 0:
		out = append(out, "A model may call these tools: "+strings.Join(n.Tools, ", ")+".")
	default:
		out = append(out, "A model may call no tools.")
	}
	return out
}

func (n *Notice) hidden() (out []string) {
	if n.Monitors {
		return []string{"At present nothing is taken out: the policy only records what it would do."}
	}
	for _, h := range n.Hidden {
		s := strings.TrimPrefix(h.Kind, "pii.") + ": replaced by " + map[string]string{"placeholder": "a placeholder", "fake": "an invented value of the same shape", "redact": "its name"}[h.As]
		if h.Restored {
			s += ", and put back into the answer for who sent it"
		}
		if len(h.Except) > 0 {
			s += "; not where it comes from " + strings.Join(h.Except, " or ")
		}
		out = append(out, s+".")
	}
	for _, k := range n.Stopped {
		s := strings.TrimPrefix(k.Kind, "pii.") + ": a call that holds one is stopped"
		if len(k.Except) > 0 {
			s += "; not where it comes from " + strings.Join(k.Except, " or ")
		}
		out = append(out, s+".")
	}
	for _, r := range n.Rules {
		out = append(out, "The operator's rule "+r.ID+": "+map[bool]string{true: "what it finds is taken out.", false: "a call in which it finds something is stopped."}[r.Action == "mask"])
	}
	if n.Allowed > 0 {
		out = append(out, fmt.Sprintf("The operator lists %d texts that pass although they look like something else.", n.Allowed))
	}
	if out == nil {
		return []string{"No kind of personal data is taken out before what you write leaves."}
	}
	return out
}

func (n *Notice) goes() (out []string) {
	for _, r := range n.Recipients {
		s := fmt.Sprintf("%s (for %s): region %s; kept there %s; watched for abuse %s; people may read it: %s", r.Name, strings.Join(r.Models, ", "),
			stated(r.Region), stated(r.Retention), stated(r.AbuseMonitoring), stated(r.HumanReview))
		if r.Sharing != "" {
			s += "; shares it with others for their own ends: " + r.Sharing
		}
		if len(r.SubProcessors) > 0 {
			s += "; passes data to " + strings.Join(r.SubProcessors, ", ")
		}
		if r.Highest != "" {
			s += "; gets at most what is " + r.Highest
		}
		for _, one := range [][2]string{{"contract", r.Contract}, {"as written in", r.Basis}} {
			if one[1] != "" {
				s += "; " + one[0] + " " + one[1]
			}
		}
		out = append(out, s+".")
	}
	if out == nil {
		return []string{"Nowhere: no provider may be called for this system."}
	}
	if n.State {
		return append(out, "Callers may let these providers keep a conversation.")
	}
	return append(out, "These providers are told to keep no conversation, and calls that would need it are refused.")
}

// stated is what a profile says, or that it does not.
func stated(s string) string {
	if s == "" {
		return "not stated"
	}
	return s
}

func (n *Notice) training() []string {
	const unless = " get what is public, and anything else only where you or the owner of the system, and everybody whom you name in clear, agreed to it for the purpose of the call. A consent can be taken back at any time, and counts no more from then on."
	out := []string{"Nothing that you write or receive is used to train a model, by us or by a recipient."}
	if t := n.Trains(); len(t) > 0 {
		out = []string{"These recipients do not exclude that they learn from what they are sent: " + strings.Join(t, ", ") + ". Those that do not say so get only what is public; those that say that they do" + unless}
	}
	if len(n.Consents) > 0 {
		out = append(out, "Recipients that do one of these with data"+unless+" These are: "+strings.Join(n.Consents, ", ")+".")
	}
	for _, r := range n.Recipients {
		if r.Sharing == "allowed" {
			out = append(out, "Recipients that share data with others for their own ends"+unless)
			break
		}
	}
	return out
}

func (n *Notice) stays() []string {
	out := []string{"Records of calls, without the words: " + n.Records + "."}
	switch n.Content {
	case "none", "":
		out = append(out, "The words: not kept.")
	case "masked":
		out = append(out, "The words: as long as the records, with personal data and secrets masked, sealed under keys that can be destroyed.")
	default:
		out = append(out, "The words: "+n.Content+", with personal data and secrets masked, sealed under keys that can be destroyed.")
	}
	if n.Backups != "" {
		out = append(out, "Copies of the keys: "+n.Backups+".")
	}
	return out
}

func (n *Notice) sees() (out []string) {
	for _, r := range n.Readers {
		out = append(out, "The role "+r.Role+": "+r.What+".")
	}
	return out
}

// Markdown is the notice as a document.
func (n *Notice) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Data notice: %s\n\nVersion %s, made of the configuration in force.\n", plain(n.System), n.Version)
	for _, s := range n.Sentences() {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		for _, l := range s.Lines {
			fmt.Fprintf(&b, "- %s\n", plain(l))
		}
	}
	return b.String()
}

// plain keeps what operators wrote from being read as markup.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "<", "&lt;", "[", `\[`, "*", `\*`, "`", "\\`").Replace(s)
}
