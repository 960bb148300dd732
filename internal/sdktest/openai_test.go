package sdktest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// says is a call in which a user says something.
func says(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

// streamed reads a whole stream.
func (h *house) streamed(ctx context.Context, p openai.ChatCompletionNewParams) (acc openai.ChatCompletionAccumulator, chunks int, err error) {
	s := h.client.Chat.Completions.NewStreaming(ctx, p)
	for s.Next() {
		chunks++
		if !acc.AddChunk(s.Current()) {
			return acc, chunks, errors.New("the accumulator refuses a chunk")
		}
	}
	return acc, chunks, errors.Join(s.Err(), s.Close())
}

func apiError(t *testing.T, err error) *openai.Error {
	t.Helper()
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("no API error: %v", err)
	}
	return e
}

func TestAnswers(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	got, err := h.client.Chat.Completions.New(ctx, says("plain", "good morning"))
	must(t, err)
	if c := got.Choices[0]; c.Message.Content != "Heard: good morning" || c.FinishReason != "stop" || got.Usage.TotalTokens != 8 {
		t.Errorf("not streamed: %s", got.RawJSON())
	}
	acc, chunks, err := h.streamed(ctx, says("plain", "good morning"))
	must(t, err)
	if c := acc.Choices[0]; c.Message.Content != "Heard: good morning" || c.FinishReason != "stop" || chunks != 4 {
		t.Errorf("streamed: %d chunks, %+v", chunks, c)
	}
}

func TestManyChoices(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	p := says("plain", "twice please")
	p.N = openai.Int(2)
	got, err := h.client.Chat.Completions.New(ctx, p)
	must(t, err)
	acc, _, err := h.streamed(ctx, p)
	must(t, err)
	for name, choices := range map[string][]openai.ChatCompletionChoice{"whole": got.Choices, "streamed": acc.Choices} {
		if len(choices) != 2 {
			t.Fatalf("%s: %d choices", name, len(choices))
		}
		for i, c := range choices {
			if c.Index != int64(i) || c.Message.Content != "Heard: twice please" {
				t.Errorf("%s: choice %d is %+v", name, i, c)
			}
		}
	}
}

func TestUsageChunk(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	p := says("plain", "count")
	p.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	s := h.client.Chat.Completions.NewStreaming(ctx, p)
	var last openai.ChatCompletionChunk
	for s.Next() {
		last = s.Current()
	}
	must(t, s.Err())
	if last.Usage.TotalTokens != 8 || len(last.Choices) != 0 {
		t.Errorf("the last chunk is %s", last.RawJSON())
	}
}

func TestToolsThereAndBack(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for _, stream := range []bool{false, true} {
		p := says("tools", "how is the weather in Riga?")
		p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: "weather", Description: openai.String("Weather of a city"),
			Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]string{"type": "string"}}}})}
		ask := func() openai.ChatCompletionMessage {
			if stream {
				acc, _, err := h.streamed(ctx, p)
				must(t, err)
				return acc.Choices[0].Message
			}
			got, err := h.client.Chat.Completions.New(ctx, p)
			must(t, err)
			return got.Choices[0].Message
		}
		m := ask()
		if len(m.ToolCalls) != 1 || m.ToolCalls[0].Function.Name != "weather" || m.ToolCalls[0].Function.Arguments != `{"city":"Riga"}` {
			t.Fatalf("stream %v: %+v", stream, m.ToolCalls)
		}
		p.Messages = append(p.Messages, m.ToParam(), openai.ToolMessage("rain", m.ToolCalls[0].ID))
		if m = ask(); m.Content != "call_1 says rain" {
			t.Errorf("stream %v: after the tool: %q", stream, m.Content)
		}
	}
}

func TestToolThatMayNotBeOffered(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	p := says("tools", "delete everything")
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "format_disk"})}
	_, err := h.client.Chat.Completions.New(ctx, p)
	if e := apiError(t, err); e.StatusCode != http.StatusBadRequest || e.Code != "tool_not_allowed" || h.up.Hits("chat:tools") != 0 {
		t.Errorf("%d %s, %d calls upstream", e.StatusCode, e.Code, h.up.Hits("chat:tools"))
	}
}

func TestSchemaReachesTheModel(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	p := says("schema", "fill it in")
	p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "form", Strict: openai.Bool(true), Schema: map[string]any{"type": "object"}}}
	got, err := h.client.Chat.Completions.New(ctx, p)
	must(t, err)
	if got.Choices[0].Message.Content != `{"asked":"json_schema","name":"form"}` {
		t.Errorf("%s", got.Choices[0].Message.Content)
	}
}

func TestModels(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	page, err := h.client.Models.List(ctx)
	must(t, err)
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	if len(names) != len(scripts) || !slices.Contains(names, "plain") || slices.Contains(names, "others") {
		t.Errorf("models: %v", names)
	}
}

// TestBlockedPrompt: one try, an error that names the policy and a reference
// number, and nothing reaches the provider.
func TestBlockedPrompt(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for _, stream := range []bool{false, true} {
		before := h.calls(t)
		var err error
		if stream {
			_, _, err = h.streamed(ctx, says("plain", attack))
		} else {
			_, err = h.client.Chat.Completions.New(ctx, says("plain", attack))
		}
		e := apiError(t, err)
		id := e.Response.Header.Get("Bartizan-Exchange")
		if e.StatusCode != http.StatusBadRequest || e.Code != "content_filter" || id == "" || !strings.Contains(e.Message, id) {
			t.Errorf("stream %v: %d %s %q", stream, e.StatusCode, e.Code, e.Message)
		}
		if strings.Contains(e.Message, "Ignore all") {
			t.Errorf("stream %v: the message repeats the prompt", stream)
		}
		if tries := h.calls(t) - before; tries != 1 {
			t.Errorf("stream %v: %d tries", stream, tries)
		}
	}
	if n := h.up.Hits("chat:plain"); n != 0 {
		t.Errorf("%d calls reached the provider", n)
	}
}

// TestBlockedAnswer: the SDK sees content_filter and a refusal, and nothing of
// what was forbidden.
func TestBlockedAnswer(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	got, err := h.client.Chat.Completions.New(ctx, says("leaky", "what is new?"))
	must(t, err)
	acc, _, err := h.streamed(ctx, says("leaky", "what is new?"))
	must(t, err)
	for name, c := range map[string]openai.ChatCompletionChoice{"whole": got.Choices[0], "streamed": acc.Choices[0]} {
		if c.FinishReason != "content_filter" || !strings.Contains(c.Message.Refusal, "reference number ex_") {
			t.Errorf("%s: %s %q", name, c.FinishReason, c.Message.Refusal)
		}
		if strings.Contains(c.Message.Content, "Nightjar") || strings.Contains(c.Message.Content, "Nobody") {
			t.Errorf("%s: the caller read %q", name, c.Message.Content)
		}
	}
	if n := h.up.Hits("chat:leaky"); n != 2 {
		t.Errorf("%d calls for two questions", n)
	}
}

// TestRefusals: each is one try, and the provider never hears of it.
func TestRefusals(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for _, c := range []struct {
		name, model, code string
		client            openai.Client
		status            int
	}{
		{"a model that does not exist", "nosuch", "model_not_found", h.client, http.StatusNotFound},
		{"a model of another system", "others", "model_not_found", h.client, http.StatusNotFound},
		{"a wrong key", "plain", "invalid_api_key", h.as(t, "bzk_"+"wrong"), http.StatusUnauthorized},
	} {
		before := h.calls(t)
		_, err := c.client.Chat.Completions.New(ctx, says(c.model, "hello"))
		e := apiError(t, err)
		if e.StatusCode != c.status || e.Code != c.code || h.calls(t)-before != 1 {
			t.Errorf("%s: %d %s, %d tries", c.name, e.StatusCode, e.Code, h.calls(t)-before)
		}
	}
	if n := h.up.Hits("chat:plain") + h.up.Hits("chat:others") + h.up.Hits("chat:nosuch"); n != 0 {
		t.Errorf("%d calls reached the provider", n)
	}
}

// TestProviderLimits: a 429 reaches the SDK with its Retry-After, so the SDK waits
// and tries again by itself.
func TestProviderLimits(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	_, err := h.client.Chat.Completions.New(ctx, says("limited", "now"), option.WithMaxRetries(0))
	e := apiError(t, err)
	if e.StatusCode != http.StatusTooManyRequests || e.Code != "rate_limit_exceeded" || e.Response.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s %v", e.StatusCode, e.Code, e.Response.Header)
	}
	h2 := newHouse(t)
	got, err := h2.client.Chat.Completions.New(ctx, says("limited", "now"))
	must(t, err)
	if got.Choices[0].Message.Content != "at last" || h2.up.Hits("chat:limited") != 2 {
		t.Errorf("%q after %d calls", got.Choices[0].Message.Content, h2.up.Hits("chat:limited"))
	}
}

// TestCutStream: half an answer is never taken for a whole one.
func TestCutStream(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	_, chunks, err := h.streamed(ctx, says("cut", "tell me all"))
	if err == nil || chunks == 0 {
		t.Errorf("%d chunks, error %v", chunks, err)
	}
	if n := h.up.Hits("chat:cut"); n != 1 {
		t.Errorf("%d calls: an answer that began may not be asked for again", n)
	}
}

// TestCancel: a caller who leaves stops the provider.
func TestCancel(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(background(t))
	s := h.client.Chat.Completions.NewStreaming(ctx, func() openai.ChatCompletionNewParams { return says("endless", "go on") }())
	if !s.Next() {
		t.Fatal(s.Err())
	}
	cancel()
	for s.Next() {
	}
	if !errors.Is(s.Err(), context.Canceled) {
		t.Errorf("the SDK says %v", s.Err())
	}
	h.left(t, "chat:endless")
}
