.PHONY: help test bench full strategies matrix model census soak doubt kernels dcutr slurm update lint cover

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 12

test: ## all tests, as the README says
	go test ./...
	cd examples && go test ./...
	cd ci/kubernetes && go test ./...

bench: ## the benchmarks and their floors side by side
	go test -run '^$$' -bench . ./harness/... ./bench/...

matrix: ## auto against the best strategy, for all pairs of behaviours in every topology
	PUNCHLAB_MATRIX=all go test -count=1 -timeout 60m -v -run '^TestSpecs$$' ./specs -ginkgo.focus 'never worse' -ginkgo.v

model: ## what punch.Predict says, against labs: all pairs of NATs, every strategy (PUNCHLAB_MODEL=2000 draws some; certain or chances are its halves)
	PUNCHLAB_MODEL=$${PUNCHLAB_MODEL:-all} go test -count=1 -timeout 180m -v -run '^TestSpecs$$' ./specs -ginkgo.focus 'The model' -ginkgo.v -ginkgo.timeout 175m

census: ## why all pairs of everyday NATs fail in every topology under every strategy, observed
	PUNCHLAB_CENSUS=$${PUNCHLAB_CENSUS:-3} go test -count=1 -timeout 60m -v -run '^TestSpecs$$' ./specs -ginkgo.focus 'The causes of failures' -ginkgo.v

soak: ## the matrix twenty times, half of them on busy cores
	PUNCHLAB_SOAK=20 go test -count=1 -timeout 20m -v -run '^TestSoak$$' ./specs

doubt: ## a thousand profiles proved, half of them changed behind the prober's back
	PUNCHLAB_SOAK=1000 go test -count=1 -timeout 20m -v -run '^TestSoak$$' ./harness/verify

kernels: ## the tests that deal with the kernel, on Debian's stock kernels in virtual machines (RUN=TestX narrows them)
	RUN='$(RUN)' ci/kernels/run.sh

# The two big runs go on where they were when they are made again. RESULTS is their folder,
# and BENCH has further flags: make full BENCH='--shard 1/50' RESULTS=part-1
full: RESULTS ?= punchlab-results/full
full: ## all shipped profiles against all by auto, each two once, 10 trials each, 32,400 in all, into RESULTS
	go run ./cmd/punchlab bench --nat all --once --trials 10 --seed 1 -o $(RESULTS) --resume $(RESULTS) $(BENCH)

strategies: RESULTS ?= punchlab-results/strategies
strategies: ## the classes of RFC 4787 by every strategy, 10 trials each, into RESULTS: four minutes on two cores
	go run ./cmd/punchlab bench --nat classes --strategy all --trials 10 --seed 1 -o $(RESULTS) --resume $(RESULTS) $(BENCH)

dcutr: ## go-libp2p's hosts in the same labs, by DCUtR over TCP, beside auto
	cd examples/dcutr && go run . -trials 20

slurm: ## the job array of ci/slurm in a Slurm of its own (Debian's packages; as root)
	ci/slurm/test.sh

update: ## rewrite the golden texts, the schemas and the table of docs/comparing.md; look at their diff
	PUNCHLAB_UPDATE=1 go test -count=1 ./bench/report ./bench/results ./bench/story ./harness/internal/natrules ./natprofiles

lint: ## golangci-lint, from a module of its own; actionlint and shellcheck (which must be installed) for ci/
	go tool -modfile=ci/lint/go.mod golangci-lint run
	cd examples && go tool -modfile=../ci/lint/go.mod golangci-lint run
	cd examples/dcutr && go tool -modfile=../../ci/lint/go.mod golangci-lint run
	cd ci/kubernetes && go tool -modfile=../lint/go.mod golangci-lint run
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
	shellcheck .ci/run $$(git ls-files 'ci/*.sh' 'ci/*.sbatch')

cover: ## coverage by function
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out
