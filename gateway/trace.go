package gateway

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/semconv/v1.41.0/genaiconv"
	"go.opentelemetry.io/otel/trace"

	"github.com/bartizan-ai/bartizan/llm"
)

// Telemetry traces and measures exchanges under the names of OpenTelemetry's conventions
// for generative AI, in their last release that Go's packages have (1.41.0). What was
// said is never part of it: there are names from configuration, numbers and fixed words.
type Telemetry struct {
	tracer   trace.Tracer
	duration genaiconv.ClientOperationDuration
	first    genaiconv.ClientOperationTimeToFirstChunk
	tokens   genaiconv.ClientTokenUsage
}

// NewTelemetry makes the instruments.
func NewTelemetry(traces trace.TracerProvider, metrics metric.MeterProvider) (*Telemetry, error) {
	const scope = "github.com/bartizan-ai/bartizan/gateway"
	t := &Telemetry{tracer: traces.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	meter := metrics.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var err error
	if t.duration, err = genaiconv.NewClientOperationDuration(meter); err != nil {
		return nil, err
	}
	if t.first, err = genaiconv.NewClientOperationTimeToFirstChunk(meter); err != nil {
		return nil, err
	}
	t.tokens, err = genaiconv.NewClientTokenUsage(meter)
	return t, err
}

// operations are the names of the conventions for what a call asks for.
var operations = map[llm.Op]string{llm.OpChat: "chat", llm.OpEmbed: "embeddings", llm.OpCount: "count_tokens", llm.OpList: "list_models"}

// providers are the names of the conventions for whom a dialect belongs to.
var providers = map[string]string{"openai": "openai", "anthropic": "anthropic", "azure": "azure.ai.openai"}

// traced begins the span of an exchange, below the caller's own where there is one.
func (x *exchange) traced() {
	t := x.gate.cfg.Telemetry
	if t == nil {
		return
	}
	ctx := propagation.TraceContext{}.Extract(x.r.Context(), propagation.HeaderCarrier(x.r.Header))
	ctx, x.span = t.tracer.Start(ctx, "exchange", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(x.began))
	x.r = x.r.WithContext(ctx)
}

// calling begins the span of one call of an upstream. The upstream sees it as its
// parent.
func (x *exchange) calling(c Candidate, r *llm.Request) (context.Context, func(*llm.Response, error)) {
	ctx := x.r.Context()
	t := x.gate.cfg.Telemetry
	if t == nil {
		return ctx, func(*llm.Response, error) {}
	}
	ctx, span := t.tracer.Start(ctx, x.spanName(), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(append(x.attributes(c.Provider), semconv.GenAIRequestModel(c.Model))...))
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(h))
	r.Header = h
	return ctx, func(resp *llm.Response, err error) {
		switch {
		case err != nil:
			f := x.failed(err)
			span.SetAttributes(semconv.ErrorTypeKey.String(f.Code))
			span.SetStatus(codes.Error, f.Code)
		case resp.Status >= http.StatusBadRequest:
			span.SetAttributes(semconv.ErrorTypeKey.Int(resp.Status))
			span.SetStatus(codes.Error, http.StatusText(resp.Status))
		}
		span.End()
	}
}

func (x *exchange) spanName() string { return operations[x.route.Op] + " " + x.declared() }

// declared is the model's name where it is one of configuration: anything else is the
// caller's own text.
func (x *exchange) declared() string {
	if x.request != nil && len(x.plan.Models[x.request.Model]) > 0 {
		return x.request.Model
	}
	return "-"
}

// attributes are what every span of an exchange has.
func (x *exchange) attributes(provider string) []attribute.KeyValue {
	out := []attribute.KeyValue{
		semconv.GenAIOperationNameKey.String(operations[x.route.Op]),
		semconv.GenAIProviderNameKey.String(providers[x.dialect.Provider()]),
		attribute.String("bartizan.system", x.principal.System),
	}
	if provider != "" {
		out = append(out, attribute.String("bartizan.provider", provider))
	}
	return append(out, x.marks()...)
}

// marks are what every span has, each step's too, of an exchange that is not a user's: whoever
// counts spans can leave it out.
func (x *exchange) marks() (out []attribute.KeyValue) {
	if x.intent.Synthetic {
		out = append(out, attribute.Bool("bartizan.synthetic", true))
	}
	if x.canary() {
		out = append(out, attribute.Bool("bartizan.canary", true))
	}
	return out
}

// worthASpan is how long a step takes that has a span of its own: most take microseconds,
// and a span costs as much.
const worthASpan = time.Millisecond

// traces ends the span of an exchange, with its steps below it, and takes the measures.
func (x *exchange) traces() {
	t := x.gate.cfg.Telemetry
	if t == nil {
		return
	}
	ctx, end := x.r.Context(), time.Now()
	x.span.SetName(x.spanName())
	x.span.SetAttributes(append(x.attributes(""),
		semconv.GenAIRequestModel(x.declared()),
		attribute.Bool("gen_ai.request.stream", x.request != nil && x.request.Stream),
		semconv.GenAIUsageInputTokens(x.outcome.Input), semconv.GenAIUsageOutputTokens(x.outcome.Output),
		semconv.HTTPResponseStatusCode(x.w.status),
		attribute.String("bartizan.exchange", x.intent.ID),
		attribute.String("bartizan.end", x.outcome.End),
		attribute.String("bartizan.policy", x.intent.Verdict.Policy),
		attribute.String("bartizan.decision", max(x.intent.Verdict.Decision, x.outcome.Verdict.Decision).String()))...)
	if x.first > 0 {
		x.span.SetAttributes(attribute.Float64("gen_ai.response.time_to_first_chunk", x.first.Seconds()))
	}
	if x.outcome.Code != "" {
		x.span.SetAttributes(semconv.ErrorTypeKey.String(x.outcome.Code))
	}
	if x.w.status >= http.StatusInternalServerError || x.outcome.End == "failed" {
		x.span.SetStatus(codes.Error, x.outcome.Code)
	}
	if x.span.IsRecording() {
		for _, s := range x.steps {
			if s.Took < worthASpan {
				continue
			}
			_, span := t.tracer.Start(ctx, s.Name, trace.WithTimestamp(x.began.Add(s.At)), trace.WithAttributes(x.marks()...))
			span.End(trace.WithTimestamp(x.began.Add(s.At + s.Took)))
		}
	}
	x.span.End(trace.WithTimestamp(end))
	x.measure(ctx, t, end.Sub(x.began))
}

// measure takes what the conventions measure of a call that reached a provider.
func (x *exchange) measure(ctx context.Context, t *Telemetry, took time.Duration) {
	if x.response == nil || x.canary() {
		return
	}
	op, provider := genaiconv.OperationNameAttr(operations[x.route.Op]), genaiconv.ProviderNameAttr(providers[x.dialect.Provider()])
	model := semconv.GenAIRequestModel(x.declared())
	system := attribute.String("bartizan.system", x.principal.System)
	more := []attribute.KeyValue{model, system}
	if x.outcome.Code != "" {
		more = append(more, semconv.ErrorTypeKey.String(x.outcome.Code))
	}
	t.duration.Record(ctx, took.Seconds(), op, provider, more...)
	if x.first > 0 && x.response.Framed {
		t.first.Record(ctx, x.first.Seconds(), op, provider, model, system)
	}
	if x.outcome.Input+x.outcome.Output > 0 {
		t.tokens.Record(ctx, int64(x.outcome.Input), op, provider, genaiconv.TokenTypeInput, model, system)
		t.tokens.Record(ctx, int64(x.outcome.Output), op, provider, genaiconv.TokenTypeOutput, model, system)
	}
}
