package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// claude is the SDK of Anthropic with a key in the header that a setting chooses.
func (h *house) claude(t *testing.T, key option.RequestOption) anthropic.Client {
	return anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(h.gate), key, option.WithHTTPClient(h.http(t)))
}

// asks is a call of Messages in which a user says something.
func asks(model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{Model: model, MaxTokens: 100, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
}

// read returns a message, streamed or not.
func read(ctx context.Context, c anthropic.Client, stream bool, p anthropic.MessageNewParams) (anthropic.Message, error) {
	if !stream {
		m, err := c.Messages.New(ctx, p)
		if err != nil {
			return anthropic.Message{}, err
		}
		return *m, nil
	}
	var m anthropic.Message
	s := c.Messages.NewStreaming(ctx, p)
	for s.Next() {
		if err := m.Accumulate(s.Current()); err != nil {
			return m, err
		}
	}
	return m, errors.Join(s.Err(), s.Close())
}

func anthropicError(t *testing.T, err error) (status int, kind, message string) {
	t.Helper()
	var e *anthropic.Error
	if !errors.As(err, &e) {
		t.Fatalf("no API error: %v", err)
	}
	var body struct {
		Error struct{ Type, Message string }
	}
	must(t, json.Unmarshal([]byte(e.RawJSON()), &body))
	return e.StatusCode, body.Error.Type, body.Error.Message
}

func TestMessages(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for name, key := range map[string]option.RequestOption{"x-api-key": option.WithAPIKey(h.key), "bearer": option.WithAuthToken(h.key)} {
		c := h.claude(t, key)
		for _, stream := range []bool{false, true} {
			m, err := read(ctx, c, stream, asks("plain", "good morning"))
			must(t, err)
			if m.Content[0].Text != "Heard: good morning" || m.StopReason != "end_turn" || m.Usage.InputTokens != 3 || m.Usage.OutputTokens != 5 {
				t.Errorf("%s, stream %v: %s", name, stream, m.RawJSON())
			}
		}
	}
}

func TestMessagesTools(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	c := h.claude(t, option.WithAPIKey(h.key))
	for _, stream := range []bool{false, true} {
		p := asks("tools", "how is the weather in Riga?")
		p.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]string{"type": "string"}}}, "weather")}
		m, err := read(ctx, c, stream, p)
		must(t, err)
		use := m.Content[0].AsToolUse()
		if m.StopReason != "tool_use" || use.Name != "weather" || string(use.Input) != `{"city":"Riga"}` {
			t.Fatalf("stream %v: %s", stream, m.RawJSON())
		}
		p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(use.ID, "rain", false)))
		if m, err = read(ctx, c, stream, p); err != nil || m.Content[0].Text != "call_1 says rain" {
			t.Errorf("stream %v: after the tool: %s %v", stream, m.RawJSON(), err)
		}
	}
}

// TestMessagesThinking: a thought and its signature come back as they were signed,
// and go up again.
func TestMessagesThinking(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	c := h.claude(t, option.WithAPIKey(h.key))
	for _, stream := range []bool{false, true} {
		p := asks("think", "why?")
		m, err := read(ctx, c, stream, p)
		must(t, err)
		p.Messages = append(p.Messages, m.ToParam(), anthropic.NewUserMessage(anthropic.NewTextBlock("and then?")))
		_, err = read(ctx, c, stream, p)
		must(t, err)
		var sent struct {
			Messages []struct {
				Content []struct{ Thinking, Signature string }
			}
		}
		must(t, json.Unmarshal(h.up.Last("messages:think").Body, &sent))
		if b := sent.Messages[1].Content[0]; b.Thinking != "It is a simple question." || b.Signature != "c2lnbmVkLWJ5LW5vYm9keQ==" {
			t.Errorf("stream %v: %+v", stream, b)
		}
	}
}

func TestMessagesBlocked(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	c := h.claude(t, option.WithAPIKey(h.key))
	for _, stream := range []bool{false, true} {
		h.once(t, "messages:plain", func() {
			_, err := read(ctx, c, stream, asks("plain", attack))
			status, kind, message := anthropicError(t, err)
			if status != http.StatusBadRequest || kind != "invalid_request_error" {
				t.Errorf("stream %v: %d %s", stream, status, kind)
			}
			explained(t, message)
		})
		m, err := read(ctx, c, stream, asks("leaky", "what is new?"))
		must(t, err)
		if m.StopReason != "refusal" {
			t.Errorf("stream %v: it stopped for %s", stream, m.StopReason)
		}
		explained(t, m.StopDetails.Explanation)
		for _, b := range m.Content {
			if strings.Contains(b.Text, "Nightjar") || strings.Contains(b.Text, "Nobody") {
				t.Errorf("stream %v: the caller read %q", stream, b.Text)
			}
		}
	}
}

func TestMessagesBroken(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	c := h.claude(t, option.WithAPIKey(h.key))
	m, err := c.Messages.New(ctx, asks("limited", "now"))
	must(t, err)
	if m.Content[0].Text != "at last" || h.up.Hits("messages:limited") != 2 {
		t.Errorf("%q after %d calls", m.Content[0].Text, h.up.Hits("messages:limited"))
	}
	_, err = c.Messages.New(ctx, asks("broken", "now"), option.WithMaxRetries(0))
	if status, _, _ := anthropicError(t, err); status < 500 {
		t.Errorf("a provider that breaks is %d", status)
	}
	if m, err := read(ctx, c, true, asks("cut", "tell me all")); err == nil {
		t.Errorf("half an answer was taken for %s", m.RawJSON())
	}
	ctx, cancel := context.WithCancel(ctx)
	s := c.Messages.NewStreaming(ctx, asks("endless", "go on"))
	if !s.Next() {
		t.Fatal(s.Err())
	}
	cancel()
	h.left(t, "messages:endless")
}

// TestMessagesBeside: what is no message: the models in the shape of this SDK, the
// count of tokens, betas and what the SDK knows nothing of.
func TestMessagesBeside(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	c := h.claude(t, option.WithAPIKey(h.key))
	page, err := c.Models.List(ctx, anthropic.ModelListParams{Limit: anthropic.Int(1000)})
	must(t, err)
	if len(page.Data) != len(scripts) || string(page.Data[0].Type) != "model" {
		t.Errorf("models: %s", page.RawJSON())
	}
	n, err := c.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{Model: "plain", Messages: asks("plain", "good morning").Messages})
	must(t, err)
	if n.InputTokens != 7 {
		t.Errorf("%d tokens", n.InputTokens)
	}
	_, err = c.Beta.Messages.New(ctx, anthropic.BetaMessageNewParams{Model: "plain", MaxTokens: 100, Betas: []anthropic.AnthropicBeta{"effort-2025-11-24", "context-management-2025-06-27"},
		Messages: []anthropic.BetaMessageParam{anthropic.NewBetaUserMessage(anthropic.NewBetaTextBlock("all of it"))}}, option.WithJSONSet("x_house", []any{1.5, nil}))
	must(t, err)
	call := h.up.Last("messages:plain")
	if got := strings.Join(call.Header["Anthropic-Beta"], ","); got != "effort-2025-11-24,context-management-2025-06-27" || !strings.HasPrefix(call.Target, "/v1/messages") {
		t.Errorf("%s with the betas %s", call.Target, got)
	}
	if !strings.Contains(string(call.Body), `"x_house":[1.5,null]`) {
		t.Errorf("the provider was sent %s", call.Body)
	}
}
