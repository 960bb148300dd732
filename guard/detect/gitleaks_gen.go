//go:build ignore

// Command gitleaks_gen turns the rule file of gitleaks into gitleaks.jsonl, one rule
// to a line. It is run once for a version of that file:
//
//	go run gitleaks_gen.go < gitleaks.toml > gitleaks.jsonl
//
// What a pattern says about its surroundings is taken off and becomes a field, because
// it is tested in code: a leading word boundary makes a pattern up to a hundred times
// slower, and a name at the front is where the scan found its keyword already.

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// rule is a line of the result; guard/detect reads the same fields.
type rule struct {
	ID       string   `json:"id"`
	Keywords []string `json:"keywords"`
	Regex    string   `json:"regex"`
	Group    int      `json:"group,omitempty"`   // where the secret is; 0: the first group that matched
	Entropy  float64  `json:"entropy,omitempty"` // at least, bits a byte
	Allow    []string `json:"allow,omitempty"`   // a value that matches is none
	Anchored bool     `json:"anchored,omitempty"`
	Bound    bool     `json:"bound,omitempty"` // no word may run on into it
	Max      int      `json:"max"`             // bytes a match can have
}

// leftOut are rules with better ones in secret_kinds.go, rules that find what is no
// secret, and rules that ask for the name of a file.
var leftOut = strings.Fields(`
	generic-api-key jwt jwt-base64 private-key pkcs12-file curl-auth-header curl-auth-user
	kubernetes-secret-yaml hashicorp-tf-password nuget-config-password freemius-secret-key
	adobe-client-id asana-client-id discord-client-id messagebird-client-id linkedin-client-id
	looker-client-id plaid-client-id sendbird-access-id mailgun-pub-key flutterwave-public-key
	lob-pub-api-key sourcegraph-access-token facebook-access-token
	age-secret-key anthropic-api-key anthropic-admin-api-key aws-access-token
	aws-amazon-bedrock-api-key-long-lived aws-amazon-bedrock-api-key-short-lived
	azure-ad-client-secret databricks-api-token digitalocean-access-token digitalocean-pat
	doppler-api-token dynatrace-api-token flyio-access-token gcp-api-key github-app-token
	github-fine-grained-pat github-oauth github-pat github-refresh-token gitlab-deploy-token
	gitlab-pat gitlab-pat-routable gitlab-runner-authentication-token
	gitlab-runner-authentication-token-routable grafana-cloud-api-token
	grafana-service-account-token hashicorp-tf-api-token huggingface-access-token linear-api-key
	mailchimp-api-key mailgun-private-api-token microsoft-teams-webhook new-relic-user-api-key
	notion-api-token npm-access-token openai-api-key perplexity-api-key planetscale-api-token
	postman-api-token pypi-upload-token rubygems-api-token sendgrid-api-token sentry-org-token
	shopify-access-token shopify-shared-secret slack-app-token slack-bot-token
	slack-config-access-token slack-config-refresh-token slack-legacy-bot-token slack-legacy-token
	slack-legacy-workspace-token slack-user-token slack-webhook-url square-access-token
	stripe-access-token telegram-bot-api-token twilio-api-key vault-batch-token
	vault-service-token`)

func main() {
	rules, err := parse(bufio.NewScanner(os.Stdin))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, r := range rules {
		if r.Regex == "" || slices.Contains(leftOut, r.ID) {
			continue
		}
		if err := r.trim(); err != nil {
			fmt.Fprintln(os.Stderr, r.ID, err)
			os.Exit(1)
		}
		if err := out.Encode(r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

var (
	literal = regexp.MustCompile(`'''(.*?)'''`)
	quoted  = regexp.MustCompile(`"([^"]*)"`)
)

// parse reads the part of TOML that the rule file is written in.
func parse(in *bufio.Scanner) ([]*rule, error) {
	var all []*rule
	var r *rule
	section, list := "", ""
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := strings.TrimSpace(in.Text())
		switch {
		case line == "[[rules]]":
			r = &rule{}
			all = append(all, r)
			section = "rule"
			continue
		case strings.HasPrefix(line, "["):
			if list == "" {
				section = strings.Trim(line, "[]")
				continue
			}
		}
		if r == nil || line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok || list != "" {
			key, value = list, line
		} else if value == "[" {
			list = key
			continue
		}
		if value == "]" {
			list = ""
			continue
		}
		if err := r.set(section, key, value); err != nil {
			return nil, err
		}
	}
	return all, in.Err()
}

func (r *rule) set(section, key, value string) error {
	var err error
	switch {
	case section == "rules.allowlists" && key == "regexes":
		for _, m := range literal.FindAllStringSubmatch(value, -1) {
			r.Allow = append(r.Allow, m[1])
		}
	case section != "rule":
	case key == "id":
		r.ID, err = strconv.Unquote(value)
	case key == "regex":
		r.Regex = strings.TrimSuffix(strings.TrimPrefix(value, "'''"), "'''")
	case key == "entropy":
		r.Entropy, err = strconv.ParseFloat(value, 64)
	case key == "secretGroup":
		r.Group, err = strconv.Atoi(value)
	case key == "keywords":
		for _, m := range quoted.FindAllStringSubmatch(value, -1) {
			r.Keywords = append(r.Keywords, strings.ToLower(m[1]))
		}
	}
	return err
}

// Parts that many patterns have in common.
const (
	before  = `[\w.-]{0,50}?`
	between = `(?:[ \t\w.-]{0,20})`
	tail    = "(?:[\\x60'\"\\s;]|\\\\[nr]|$)"
)

// trim takes off what is tested in code, and says where the rest can begin.
func (r *rule) trim() error {
	re := strings.TrimPrefix(r.Regex, before)
	if rest, ok := strings.CutPrefix(re, "(?i)"+before); ok {
		re = "(?i)" + rest
	}
	if rest, ok := strings.CutPrefix(re, "(?i:"+before); ok {
		re = "(?i:" + rest
	}
	for _, b := range []string{`\b`, `(?i)\b`} {
		if rest, ok := strings.CutPrefix(re, b); ok {
			re, r.Bound = strings.TrimSuffix(b, `\b`)+rest, true
		}
	}
	re = strings.TrimSuffix(strings.TrimSuffix(re, tail), `\b`)
	tree, err := syntax.Parse(re, syntax.Perl)
	if err != nil {
		return err
	}
	r.Regex, r.Max = re, min(longest(tree), 1024)
	r.Anchored = true
	firsts := begins(tree)
	for _, f := range firsts {
		r.Anchored = r.Anchored && slices.ContainsFunc(r.Keywords, func(k string) bool { return strings.HasPrefix(strings.ToLower(f), k) })
	}
	r.Anchored = r.Anchored && len(firsts) > 0
	// The parser joins what alternatives have in common, so that begins cannot tell.
	if slices.Contains(strings.Fields("authress-service-client-access-key harness-api-key facebook-page-access-token intra42-client-secret"), r.ID) {
		r.Anchored = true
		r.Keywords = slices.DeleteFunc(r.Keywords, func(k string) bool { return k == "intra" })
	}
	// A pattern that began with the name of a service begins there still.
	if head, _, ok := strings.Cut(re, between); ok && !r.Anchored {
		if strings.HasPrefix(head, "(?i:") {
			head += ")" // the group goes on behind the name
		}
		name, err := regexp.Compile(`\A(?:` + head + `)`)
		if err != nil {
			return err
		}
		fits := func(k string) bool { return name.MatchString(k) }
		if slices.ContainsFunc(r.Keywords, fits) {
			r.Keywords = slices.DeleteFunc(r.Keywords, func(k string) bool { return !fits(k) })
			r.Anchored = true
		}
	}
	return nil
}

// begins returns what a match can begin with; "" among them when that is not known.
func begins(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCapture:
		return begins(re.Sub[0])
	case syntax.OpConcat:
		first := begins(re.Sub[0])
		if len(re.Sub) > 1 && re.Sub[0].Op == syntax.OpLiteral && len(re.Sub[0].Rune) < 6 {
			var all []string
			for _, more := range begins(re.Sub[1]) {
				all = append(all, first[0]+more)
			}
			return all
		}
		return first
	case syntax.OpAlternate:
		var all []string
		for _, s := range re.Sub {
			all = append(all, begins(s)...)
		}
		return all
	}
	return []string{""}
}

// longest is how many bytes a match can have; much when there is no bound.
func longest(re *syntax.Regexp) int {
	const much = 1024
	n := 0
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune))
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpStar, syntax.OpPlus:
		return much
	case syntax.OpRepeat:
		if re.Max < 0 {
			return much
		}
		return min(much, re.Max*longest(re.Sub[0]))
	case syntax.OpAlternate:
		for _, s := range re.Sub {
			n = max(n, longest(s))
		}
		return n
	}
	for _, s := range re.Sub {
		n += longest(s)
	}
	return min(n, much)
}
