package dialect

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// answers lists the headers of an answer that travel on: what SDKs read. Anything
// else could carry text past the guard, or orders to a proxy in front of the gate.
var (
	answers        = set("X-Request-Id Request-Id Retry-After Retry-After-Ms X-Should-Retry Apim-Request-Id Azureml-Model-Session")
	answerPrefixes = []string{"Openai-Processing-Ms", "Openai-Version", "Anthropic-Ratelimit-", "X-Ratelimit-", "X-Ms-"}
)

// EndToEnd returns the headers of an answer that travel on to the caller, as
// they were sent.
func EndToEnd(h http.Header) http.Header {
	out := make(http.Header, 8)
	named := connection(h)
	for k, v := range h {
		if named[k] || !answers[k] && !hasAnyPrefix(k, answerPrefixes) {
			continue
		}
		if len(v) == 1 && token([]byte(v[0]), 256) {
			out[k] = v
		}
	}
	return out
}

// callers lists the headers of a request that travel on by name; the rest must
// begin with one of the prefixes.
var (
	callers        = set("Accept Accept-Language User-Agent Idempotency-Key Traceparent Tracestate Openai-Beta")
	callerPrefixes = []string{"Anthropic-", "X-"}
	// what proxies and clouds believe, and what holds credentials
	withheld = []string{"X-Forwarded-", "X-Real-", "X-Amzn-", "X-Access-", "X-Id-Token", "X-Vault-", "X-Session-Token", "X-Functions-", "X-Openai-Organization", "X-Openai-Project", "X-Api-Key", "X-Goog-", "X-Bartizan-", "X-Original-", "X-Envoy-", "X-Amz-", "X-Client-Ip", "X-Cluster-", "X-Http-Method",
		"X-Method-", "X-Rewrite-", "X-Host", "X-Proxy-", "X-Remote-", "X-Auth", "X-Ms-"}
)

// Forward returns the headers of a request that travel on to the upstream. It is
// an allow-list: credentials, cookies, addresses and what claims to come from a
// proxy stay here, and so does a name with an underscore, which some servers read
// as a dash, and whatever would choose among the operator's own projects.
func Forward(h http.Header) http.Header {
	out := make(http.Header, len(h))
	named := connection(h)
	for k, v := range h {
		if named[k] || strings.Contains(k, "_") || hasAnyPrefix(k, withheld) {
			continue
		}
		if callers[k] || hasAnyPrefix(k, callerPrefixes) {
			out[k] = v
		}
	}
	return out
}

func hasAnyPrefix(s string, list []string) bool {
	for _, p := range list {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// connection returns the headers that Connection names: they belong to the hop.
func connection(h http.Header) map[string]bool {
	var named map[string]bool
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if named == nil {
				named = map[string]bool{}
			}
			named[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return named
}

// HeaderText is what headers that travel on say, names and values, as one passage: it may
// be blocked and not edited.
func HeaderText(h http.Header) (llm.Passage, bool) {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[k] {
			b.WriteString(k)
			b.WriteString(": ")
			b.WriteString(v)
			b.WriteString(" | ")
		}
	}
	text := strings.ToValidUTF8(b.String(), "\uFFFD")
	return llm.Passage{Channel: llm.Channel{Choice: -1, Kind: llm.KindName}, Origin: llm.OriginUnknown, Path: llm.Headers, Text: text, Whole: true, Sealed: true,
		Map: llm.Nowhere(len(text))}, text != ""
}
