package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/bartizan-ai/bartizan/app/config"
	"github.com/bartizan-ai/bartizan/gateway"
)

// openTelemetry begins to send traces and measures where configuration says. A collector
// that cannot be reached costs what was not sent, and never a call.
func (a *App) openTelemetry(ctx context.Context) (*gateway.Telemetry, error) {
	c := a.file.Load().Telemetry
	if c.OTLP == "" {
		return nil, nil
	}
	headers, t, err := collector(c)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(c.OTLP, "/")
	traceOptions := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(base + "/v1/traces"), otlptracehttp.WithHeaders(headers)}
	metricOptions := []otlpmetrichttp.Option{otlpmetrichttp.WithEndpointURL(base + "/v1/metrics"), otlpmetrichttp.WithHeaders(headers)}
	if strings.HasPrefix(base, "https:") {
		traceOptions, metricOptions = append(traceOptions, otlptracehttp.WithTLSClientConfig(t)), append(metricOptions, otlpmetrichttp.WithTLSClientConfig(t))
	}
	spans, err := otlptracehttp.New(ctx, traceOptions...)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	measures, err := otlpmetrichttp.New(ctx, metricOptions...)
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	otel.SetErrorHandler(quiet{a.cfg.Log})
	about := resource.NewSchemaless(attribute.String("service.name", "bartizan"), attribute.String("service.version", a.cfg.Version))
	sampler := trace.ParentBased(trace.AlwaysSample())
	if c.Sample > 0 {
		sampler = trace.ParentBased(trace.TraceIDRatioBased(c.Sample))
	}
	traces := trace.NewTracerProvider(trace.WithBatcher(spans), trace.WithResource(about), trace.WithSampler(sampler))
	metrics := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(measures)), metric.WithResource(about))
	a.closers = append(a.closers, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second) // a stop does not wait for a collector
		defer cancel()
		if err := errors.Join(traces.Shutdown(ctx), metrics.Shutdown(ctx)); err != nil {
			a.cfg.Log.Warn("the last traces and measures could not be sent", "kind", fmt.Sprintf("%T", err))
		}
		return nil
	})
	return gateway.NewTelemetry(traces, metrics)
}

// collector is how the collector is reached.
func collector(c config.Telemetry) (headers map[string]string, t *tls.Config, err error) {
	t = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		if t, err = authorities(c.CA); err != nil {
			return nil, nil, fmt.Errorf("telemetry: %w", err)
		}
	}
	if c.Key == nil {
		return nil, t, nil
	}
	key, err := c.Key.Value()
	if err != nil {
		return nil, nil, fmt.Errorf("telemetry: %w", err)
	}
	return map[string]string{"Authorization": "Bearer " + key}, t, nil
}

// quiet takes the exporter's complaints. They can hold addresses of the inside, so only
// that there was one is logged.
type quiet struct{ log *slog.Logger }

func (q quiet) Handle(err error) {
	q.log.Debug("traces or measures could not be sent", "kind", fmt.Sprintf("%T", err))
}
