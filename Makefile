# Every target runs from a fresh clone with Go alone, except where a tier of
# the tests stands on more; test/run says what is missing and how to get it.

BINARY      := bin/manage-kafka
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PLATFORMS   := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
BENCH       ?= .
MOST_BYTES  := 36000000

.PHONY: help build test test-fast test-long lint fuzz cross bench

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/manage-kafka
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(BINARY) .

test: ## lint, cross-compile, fuzz shortly and run every tier of tests that this machine can
	test/run all

test-fast: ## tier 1 only: what needs Go and nothing else
	test/run fast

test-long: ## everything, with hundreds of kills, streams of gigabytes and a minute a fuzz target
	MANAGE_KAFKA_TEST_LONG=1 FUZZTIME=60s test/run all

lint: ## gofmt, go vet, staticcheck
	@bad=$$(git ls-files -z '*.go' | xargs -0 -r gofmt -l); \
	if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w:"; echo "$$bad"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

fuzz: ## run every fuzz target, for FUZZTIME each when that is set
	@FUZZTIME=$(FUZZTIME) test/fuzz

# What comes out is thrown away, so it is linked without what a debugger reads, and
# other systems are compiled without the optimizer, in half the time; this one
# as every other target does.
cross: ## compile everything for every platform that is released, and weigh the binary
	@host=$$(go env GOHOSTOS)/$$(go env GOHOSTARCH); \
	for p in $(PLATFORMS); do \
		echo "compiling for $$p"; \
		flags='-gcflags=all=-N -l'; \
		[ "$$p" != "$$host" ] || flags=-v=false; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go build -ldflags '-s -w' "$$flags" ./... || exit 1; \
	done; \
	CGO_ENABLED=0 go build -ldflags '-s -w' -o $(BINARY) . && size=$$(wc -c <$(BINARY)) && echo "the binary has $$size bytes"; \
	[ "$$size" -le $(MOST_BYTES) ] || { echo "want at most $(MOST_BYTES): see what has come in with go version -m and go list -deps"; exit 1; }

bench: ## run the benchmarks; BENCH picks some by a regular expression
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
