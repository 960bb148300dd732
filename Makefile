# run: a demonstration, nothing to configure. test: everything, installing what it
# needs. check: what every commit must pass. bench, fuzz, soak: longer looks.

GO      ?= go
BIN     := bin/bartizan
FUZZ    ?= 20s
SOAK    ?= 10m
export CGO_ENABLED = 0

.PHONY: run build test check bench fuzz soak tools sdk clean

run: build
	./$(BIN) demo --data build/demo

build:
	$(GO) build -trimpath -o $(BIN) ./cmd/bartizan

# Everything, with counts. The race detector needs cgo, so it is its own pass over
# what has goroutines of its own.
test: tools build
	internal/run-tests

check: build
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	$(GO) test ./...
	$(GO) test -count=1 -run 'TestPromises' -v . | grep -E '^(open promise|.*promises,)' || true

bench: build
	$(GO) build -o build/bench ./internal/bench
	./build/bench -bartizan $(BIN)
	$(GO) test -run '^$$' -bench . -benchmem ./llm ./text ./ngram ./dialect ./guard ./ledger ./gateway

# Every fuzz target that there is, found by looking, not by a list.
fuzz:
	FUZZ=$(FUZZ) internal/run-fuzz

soak: build
	SOAK=$(SOAK) $(GO) test -timeout 0 -count=1 -run 'Soak' -tags soak -v ./...

tools:
	internal/install-tools

clean:
	rm -rf bin build
