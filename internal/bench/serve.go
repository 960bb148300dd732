package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// script is what the upstream says on one path: whole, and in 100 frames.
type script struct {
	whole  []byte
	frames [][]byte
	last   []byte
}

const answerText = "The meeting decided three things and put names to each of them. "

// words are the pieces of a streamed answer.
func words() []string {
	out := make([]string, 100)
	for i := range out {
		if out[i] = "word "; i%12 == 11 {
			out[i] = "end. "
		}
	}
	return out
}

func scripts() map[string]script {
	said := strings.Repeat(answerText, 8)
	chat := script{whole: []byte(`{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		said + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":120,"total_tokens":320}}`)}
	messages := script{whole: []byte(`{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[{"type":"text","text":"` + said +
		`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":200,"output_tokens":120}}`)}
	item := func(text string) string {
		return `{"id":"msg_bench","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"` + text + `","annotations":[]}]}`
	}
	response := func(status, output string) string {
		return `{"id":"resp_bench","object":"response","created_at":1,"status":"` + status + `","error":null,"model":"bench","output":[` + output + `],"usage":{"input_tokens":200,"output_tokens":120,"total_tokens":320}}`
	}
	responses := script{whole: []byte(response("completed", item(said)))}
	frame := func(name, data string) []byte {
		if name != "" {
			name = "event: " + name + "\n"
		}
		return []byte(name + "data: " + data + "\n\n")
	}
	messages.frames = append(messages.frames, frame("message_start", `{"type":"message_start","message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":200,"output_tokens":1}}}`),
		frame("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`))
	responses.frames = append(responses.frames, frame("response.created", `{"type":"response.created","sequence_number":0,"response":`+response("in_progress", "")+`}`))
	for i, w := range words() {
		chat.frames = append(chat.frames, frame("", `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{"content":"`+w+`"},"finish_reason":null}]}`))
		messages.frames = append(messages.frames, frame("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"`+w+`"}}`))
		responses.frames = append(responses.frames, frame("response.output_text.delta", fmt.Sprintf(`{"type":"response.output_text.delta","sequence_number":%d,"item_id":"msg_bench","output_index":0,"content_index":0,"delta":"%s","logprobs":[]}`, i+1, w)))
	}
	all := strings.Join(words(), "")
	chat.last = append(frame("", `{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`), frame("", "[DONE]")...)
	messages.last = append(append(frame("content_block_stop", `{"type":"content_block_stop","index":0}`), frame("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":120}}`)...), frame("message_stop", `{"type":"message_stop"}`)...)
	responses.last = append(append(frame("response.output_text.done", `{"type":"response.output_text.done","sequence_number":101,"item_id":"msg_bench","output_index":0,"content_index":0,"text":"`+all+`"}`),
		frame("response.output_item.done", `{"type":"response.output_item.done","sequence_number":102,"output_index":0,"item":`+item(all)+`}`)...), frame("response.completed", `{"type":"response.completed","sequence_number":103,"response":`+response("completed", item(all))+`}`)...)
	return map[string]script{"/v1/chat/completions": chat, "/v1/messages": messages, "/v1/responses": responses}
}

// serveUpstream answers as providers do, without thinking. A stream whose request says
// "slowly" takes a minute, so that many are open at once.
func serveUpstream() error {
	known := scripts()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s, ok := known[r.URL.Path]
		if !ok {
			return // a collector of traces
		}
		if !strings.Contains(string(body[:min(len(body), 256)]), `"stream":true`) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(s.whole)
			return
		}
		pause := time.Duration(0)
		if strings.Contains(string(body[:min(len(body), 256)]), `"slowly"`) {
			pause = 600 * time.Millisecond
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, c := range append(s.frames[:len(s.frames):len(s.frames)], s.last) {
			_, _ = w.Write(c)
			_ = http.NewResponseController(w).Flush()
			if pause > 0 {
				select {
				case <-r.Context().Done():
					return
				case <-time.After(pause):
				}
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, h)
}

// serveProxy is the bare proxy that the gate is compared with. It speaks TLS as
// the gate does, and does nothing else.
func serveProxy(to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }, FlushInterval: -1,
		Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true}}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("https://" + l.Addr().String())
	// Without this, a fast upstream's answer closes the request's body while the
	// proxy still looks for its end, and one stream in ten breaks.
	duplex := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		p.ServeHTTP(w, r)
	})
	s := &http.Server{Handler: duplex, TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
	return s.ServeTLS(l, "", "")
}
