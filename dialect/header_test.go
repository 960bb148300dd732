package dialect

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForward(t *testing.T) {
	h := http.Header{}
	pass := []string{"Accept", "Accept-Language", "User-Agent", "Idempotency-Key", "Traceparent", "Tracestate", "Openai-Beta",
		"Anthropic-Version", "Anthropic-Beta", "X-Stainless-Lang", "X-Stainless-Retry-Count", "X-Claude-Code-Session-Id", "X-Codex-Window-Id", "X-App", "X-Client-Request-Id", "X-Request-Id", "X-Note"}
	stay := []string{"Openai-Organization", "Openai-Project", "X-Rewrite-Url", "X-Method-Override", "Authorization", "Api-Key", "X-Api-Key", "X-Goog-Api-Key", "Cookie", "Proxy-Authorization", "Host", "Content-Length", "Content-Encoding",
		"Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade", "Expect", "Forwarded", "Via", "Origin", "Referer", "From", "Range", "If-None-Match",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Url", "X-Envoy-Internal", "X-Amz-Security-Token",
		"X-Http-Method-Override", "X-Bartizan-System", "Bartizan-Conversation", "Bartizan-Label", "X_note", "X_Forwarded_For", "Openai_Beta", "True-Client-Ip", "Cf-Connecting-Ip", "Metadata-Flavor"}
	for _, k := range append(pass, stay...) {
		h[k] = []string{"v"}
	}
	h["X-Named"] = []string{"v"}
	h["Connection"] = []string{"close, x-named", "Openai-Beta"}
	h["X-Note"] = []string{"one", "two"}
	want := http.Header{}
	for _, k := range pass {
		if k != "Openai-Beta" { // Connection names it
			want[k] = h[k]
		}
	}
	if diff := cmp.Diff(want, Forward(h)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEndToEnd(t *testing.T) {
	h := http.Header{"Connection": {"x-hop"}, "X-Hop": {"v"}}
	pass := []string{"X-Request-Id", "Request-Id", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "X-Ratelimit-Remaining-Tokens", "Openai-Processing-Ms"}
	stay := []string{"Set-Cookie", "Content-Length", "Content-Encoding", "Content-Type", "Transfer-Encoding", "Keep-Alive", "Proxy-Authenticate", "Trailer", "Upgrade", "Alt-Svc",
		"Strict-Transport-Security", "Date", "Server", "Via", "Bartizan-Exchange", "Bartizan-Receipt", "Bartizan-Decision", "Access-Control-Allow-Origin",
		"Cache-Control", "Warning", "X-Accel-Redirect", "Refresh", "X-Note", "Www-Authenticate"}
	want := http.Header{}
	for _, k := range pass {
		h[k], want[k] = []string{"v"}, []string{"v"}
	}
	for _, k := range stay {
		h[k] = []string{"v"}
	}
	if diff := cmp.Diff(want, EndToEnd(h)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
