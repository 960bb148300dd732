package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// input is a call of Responses in which a user says something.
func input(model, text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

// events reads a whole stream.
func (h *house) events(ctx context.Context, p responses.ResponseNewParams) (all []responses.ResponseStreamEventUnion, err error) {
	s := h.client.Responses.NewStreaming(ctx, p)
	for s.Next() {
		all = append(all, s.Current())
	}
	return all, errors.Join(s.Err(), s.Close())
}

func TestResponses(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	whole, err := h.client.Responses.New(ctx, input("plain", "good morning"))
	must(t, err)
	all, err := h.events(ctx, input("plain", "good morning"))
	must(t, err)
	last := all[len(all)-1]
	for name, r := range map[string]responses.Response{"whole": *whole, "streamed": last.Response} {
		if r.OutputText() != "Heard: good morning" || r.Status != "completed" || r.Usage.TotalTokens != 8 {
			t.Errorf("%s: %s", name, r.RawJSON())
		}
	}
	for i, e := range all {
		if e.SequenceNumber != int64(i) {
			t.Errorf("event %d has the number %d", i, e.SequenceNumber)
		}
	}
	if last.Type != "response.completed" {
		t.Errorf("the last event is %s", last.Type)
	}
}

func TestResponsesTools(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for _, stream := range []bool{false, true} {
		items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("how is the weather in Riga?", responses.EasyInputMessageRoleUser)}
		tool := responses.ToolParamOfFunction("weather", map[string]any{"type": "object", "properties": map[string]any{"city": map[string]string{"type": "string"}}}, false)
		ask := func() responses.Response {
			p := responses.ResponseNewParams{Model: "tools", Tools: []responses.ToolUnionParam{tool}, Input: responses.ResponseNewParamsInputUnion{OfInputItemList: items}}
			if stream {
				all, err := h.events(ctx, p)
				must(t, err)
				return all[len(all)-1].Response
			}
			got, err := h.client.Responses.New(ctx, p)
			must(t, err)
			return *got
		}
		call := ask().Output[0].AsFunctionCall()
		if call.Name != "weather" || call.Arguments != `{"city":"Riga"}` {
			t.Fatalf("stream %v: %s", stream, call.RawJSON())
		}
		back := responses.ResponseInputItemParamOfFunctionCallOutput("rain")
		back.OfFunctionCallOutput.CallID = openai.String(call.CallID)
		items = append(items, responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.CallID, call.Name),
			back)
		if r := ask(); r.OutputText() != "call_1 says rain" {
			t.Errorf("stream %v: after the tool: %s", stream, r.RawJSON())
		}
	}
}

func TestResponsesBlocked(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	for _, stream := range []bool{false, true} {
		h.once(t, "responses:plain", func() {
			var err error
			if stream {
				_, err = h.events(ctx, input("plain", attack))
			} else {
				_, err = h.client.Responses.New(ctx, input("plain", attack))
			}
			e := apiError(t, err)
			if e.StatusCode != http.StatusBadRequest {
				t.Errorf("stream %v: %d %s", stream, e.StatusCode, e.Code)
			}
			explained(t, e.Message)
		})
	}
	whole, err := h.client.Responses.New(ctx, input("leaky", "what is new?"))
	must(t, err)
	if whole.Status != "incomplete" || whole.IncompleteDetails.Reason != "content_filter" || strings.Contains(whole.RawJSON(), "Nobody") {
		t.Errorf("whole: %s", whole.RawJSON())
	}
	all, err := h.events(ctx, input("leaky", "what is new?"))
	must(t, err)
	last := all[len(all)-1]
	if last.Type != "response.failed" || last.Response.Error.Code != "invalid_prompt" {
		t.Errorf("streamed: %s", last.RawJSON())
	}
	explained(t, last.Response.Error.Message)
	for _, e := range all {
		if strings.Contains(e.RawJSON(), "is late") || strings.Contains(e.RawJSON(), "Nobody") {
			t.Errorf("the caller read %s", e.RawJSON())
		}
	}
}

func TestResponsesBroken(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	got, err := h.client.Responses.New(ctx, input("limited", "now"))
	must(t, err)
	if got.OutputText() != "at last" || h.up.Hits("responses:limited") != 2 {
		t.Errorf("%q after %d calls", got.OutputText(), h.up.Hits("responses:limited"))
	}
	_, err = h.client.Responses.New(ctx, input("broken", "now"), option.WithMaxRetries(0))
	if e := apiError(t, err); e.StatusCode < 500 {
		t.Errorf("a provider that breaks is %d", e.StatusCode)
	}
	if all, err := h.events(ctx, input("cut", "tell me all")); err == nil || len(all) < 5 {
		t.Errorf("half an answer was taken for a whole one, or lost: %d events, %v", len(all), err)
	}
	if n := h.up.Hits("responses:cut"); n != 1 {
		t.Errorf("%d calls: an answer that began may not be asked for again", n)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := h.client.Responses.NewStreaming(ctx, input("endless", "go on"))
	if !s.Next() {
		t.Fatal(s.Err())
	}
	cancel()
	h.left(t, "responses:endless")
}

// vector is what the scripted provider embeds every text as.
var vector = []float64{0.25, -0.5, 0.1}

func TestEmbeddings(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	p := openai.EmbeddingNewParams{Model: "vectors", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"two", "texts"}}}
	got, err := h.client.Embeddings.New(ctx, p)
	must(t, err)
	if len(got.Data) != 2 || !slices.Equal(got.Data[1].Embedding, vector) {
		t.Errorf("%s", got.RawJSON())
	}
	var raw struct {
		Data []struct{ Embedding []byte }
	}
	p.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	_, err = h.client.Embeddings.New(ctx, p, option.WithResponseBodyInto(&raw))
	must(t, err)
	if len(raw.Data) != 2 || len(raw.Data[0].Embedding) != 12 || math.Float32frombits(uint32(raw.Data[0].Embedding[3])<<24|uint32(raw.Data[0].Embedding[2])<<16) != 0.25 {
		t.Errorf("packed: %v", raw)
	}
	h.once(t, "embeddings:vectors", func() {
		p.Input.OfArrayOfStrings[1] = attack
		_, err := h.client.Embeddings.New(ctx, p)
		explained(t, apiError(t, err).Message)
	})
}

// TestAzure: the same with what the SDK has for Azure: paths of deployments, a dated
// version, another header for the key.
func TestAzure(t *testing.T) {
	h, ctx := newHouse(t), background(t)
	h.client = openai.NewClient(azure.WithEndpoint(h.gate, "2024-10-21"), azure.WithAPIKey(h.key), option.WithHTTPClient(h.http(t)))
	got, err := h.client.Chat.Completions.New(ctx, says("plain", "good morning"))
	must(t, err)
	acc, chunks, err := h.streamed(ctx, says("plain", "good morning"))
	must(t, err)
	if a, b := got.Choices[0].Message.Content, acc.Choices[0].Message.Content; a != "Heard: good morning" || a != b || chunks != 5 {
		t.Errorf("%q, %q in %d chunks", a, b, chunks)
	}
	call := h.up.Last("azure chat:plain")
	if call.Target != "/openai/deployments/plain/chat/completions?api-version=2024-10-21" {
		t.Errorf("the provider was asked at %s", call.Target)
	}
	h.once(t, "azure chat:plain", func() {
		_, err := h.client.Chat.Completions.New(ctx, says("plain", attack))
		e := apiError(t, err)
		var body struct {
			InnerError struct{ Code string }
		}
		must(t, json.Unmarshal([]byte(e.RawJSON()), &body))
		if e.Code != "content_filter" || body.InnerError.Code != "ResponsibleAIPolicyViolation" {
			t.Errorf("%s", e.RawJSON())
		}
		explained(t, e.Message)
	})
	acc, _, err = h.streamed(ctx, says("leaky", "what is new?"))
	must(t, err)
	if acc.Choices[0].FinishReason != "content_filter" || strings.Contains(acc.Choices[0].Message.Content, "Nightjar") {
		t.Errorf("a blocked answer: %+v", acc.Choices[0])
	}
}
