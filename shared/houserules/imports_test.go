package houserules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A rule says what the packages in a folder may import beside the standard library. Entries end with /... for a whole
// tree. The most specific rule for a folder counts, and a folder without a rule fails: a new package states its place.
type rule struct {
	folder string
	may    []string // own packages by folder, others by import path
	why    string
}

var (
	sdk = []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."}
	cdk = []string{"github.com/aws/aws-cdk-go/awscdk/v2/...", "github.com/aws/constructs-go/constructs/v10", "github.com/aws/jsii-runtime-go"}
	pgx = []string{"github.com/jackc/pgx/v5/..."}
	run = []string{"github.com/aws/aws-lambda-go/..."}
)

var rules = []rule{
	{"shared/fault", nil, "everything reports with it, so it depends on nothing"},
	{"shared/secret", nil, "the type that cannot print must be small enough to be sure of"},
	{"shared/warehouse", []string{"shared/source", "shared/fault"}, "names and limits of a warehouse are words, not calls; it repeats what sources say"},
	{"shared/event", []string{"shared/fault", "shared/secret"}, "an event is a request; what it may do is decided elsewhere"},
	{"shared/settings", []string{"shared/warehouse", "shared/fault"}, "infra and lambdas meet here; neither side's tools may leak to the other"},
	{"shared/connector", slices.Concat([]string{"shared/connector/...", "shared/aws/awslease", "shared/aws/awserror", "shared/fault", "shared/secret"}, pgx), "the front for programs ties the parts to AWS, as a function's main does; the SDK stays behind the adapter"},
	{"shared/connector/example", []string{"shared/connector"}, "an application knows the front and nothing behind it"},
	{"shared/connector/property", []string{"shared/fault", "shared/secret"}, "what was given is read without knowing what it means"},
	{"shared/connector/lease", []string{"shared/secret"}, "keeping logins fresh needs a clock and a way to ask, and knows neither AWS nor databases"},
	{"shared/connector/resolve", []string{"shared/connector/property", "shared/connector/lease", "shared/warehouse", "shared/fault", "shared/secret"}, "what properties mean is found without a call"},
	{"shared/connector/login", slices.Concat([]string{"shared/fault", "shared/secret"}, pgx), "the one way to log in to a warehouse works without the rest of Sluice"},
	{"shared/connector/login/logintest", slices.Concat([]string{"shared/connector/login", "shared/secret"}, pgx), "an endpoint for tests of whoever logs in"},
	{"shared/source", []string{"shared/fault", "shared/secret"}, "names of sources, and what login is asked and answers, are words, not calls"},
	{"shared/source/sourcelogin", slices.Concat([]string{"shared/source", "shared/fault", "shared/secret"}, pgx), "the one way into a source knows no AWS: whoever reads the secrets for it is given"},
	{"shared/credentials/...", []string{"shared/connector/login", "shared/settings", "shared/warehouse", "shared/fault", "shared/secret"}, "the domain knows no AWS: it declares the interfaces that shared/aws implements"},
	{"shared/credentials/credentialstest", []string{"shared/credentials", "shared/connector/login", "shared/settings", "shared/warehouse", "shared/fault", "shared/secret"}, "the fakes of the domain know no more than the domain"},
	{"shared/federation/...", []string{"shared/settings", "shared/source", "shared/event", "shared/warehouse", "shared/fault", "shared/secret"}, "the domain knows no AWS: it declares the interfaces that shared/aws implements"},
	{"shared/federation/federationtest", []string{"shared/federation", "shared/source", "shared/event", "shared/warehouse", "shared/fault", "shared/secret"}, "the fakes of the domain know no more than the domain"},
	{"shared/aws/awserror", slices.Concat([]string{"shared/fault"}, sdk), "AWS's codes are read in one place"},
	{"shared/aws/awsclient", slices.Concat([]string{"shared/fault"}, sdk), "limits of calls are set in one place"},
	{"shared/aws/awslambda", slices.Concat([]string{"shared/fault"}, run), "the answers of functions are shaped in one place"},
	{"shared/aws/awslease", slices.Concat([]string{"shared/warehouse", "shared/connector/property", "shared/connector/resolve", "shared/connector/lease", "shared/fault", "shared/secret", "shared/aws/awserror"}, sdk), "what the connector asks of AWS is asked in one place"},
	{"shared/aws/...", slices.Concat([]string{"shared/credentials", "shared/federation", "shared/source", "shared/event", "shared/warehouse", "shared/fault", "shared/secret", "shared/aws/awserror"}, sdk), "an adapter implements its caller's interface; adapters do not know each other"},
	{"shared/houserules", nil, "rules look at the tree, not into it"},
	{"lambdas/...", slices.Concat([]string{"shared/..."}, sdk, run), "a function wires and translates; it knows neither another function nor the sandbox nor the CDK"},
	{"infra/config", []string{"shared/settings", "shared/warehouse", "shared/fault"}, "a configuration is checked without the CDK"},
	{"infra/access", []string{"infra/config", "shared/settings", "shared/warehouse", "shared/event", "shared/fault"}, "permissions are data that people can read without the CDK"},
	{"infra/stack", slices.Concat([]string{"infra/config", "infra/access", "shared/settings", "shared/event", "shared/fault"}, cdk), "infra and functions meet in settings and events only"},
	{"infra", slices.Concat([]string{"infra/config", "infra/stack"}, cdk), "the one reader of context and environment"},
	{"infra/sluice", slices.Concat([]string{"infra/config", "shared/aws/...", "shared/connector", "shared/connector/resolve", "shared/federation", "shared/event", "shared/settings", "shared/fault"}, sdk), "the operator's command reads the state and sends events; it changes nothing by itself"},
	{"infra/sandbox/awshttp/...", []string{"infra/sandbox/mishap", "infra/sandbox/clock", "infra/sandbox/uuid"}, "the wire format is read here independently of the SDK: two readings that agree are a test of both"},
	{"infra/sandbox/demo", slices.Concat([]string{"infra/sandbox/...", "shared/connector/login", "shared/event", "shared/fault", "shared/secret"}, pgx, sdk), "the demo is an application: it sees the secret and the bus, and nothing inside the functions"},
	{"infra/sandbox/bench/...", slices.Concat([]string{"infra/sandbox/...", "shared/connector", "shared/settings", "shared/warehouse"}, pgx, sdk, run), "what is measured are the built functions, and the connector as a program links it"},
	{"infra/sandbox/connected", nil, "tests of programs that connect: what they need they import as tests, and nobody imports them"},
	{"infra/sandbox/endtoend", nil, "tests of the whole: what they need they import as tests, and nobody imports them"},
	{"infra/sandbox/lambda/internal/echo", run, "a function for tests"},
	{"infra/sandbox/...", slices.Concat([]string{"infra/sandbox/...", "shared/secret", "shared/fault"}, pgx), "the far end shares no code with what it checks, and reads the wire without the SDK"},
}

// inTests says what test files may import on top of their package's rule, by the first folder and by the whole.
var inTests = map[string][]string{
	"shared":  slices.Concat([]string{"shared/..."}, sdk, pgx, run),
	"lambdas": slices.Concat([]string{"shared/..."}, sdk, run),
	"infra":   slices.Concat([]string{"infra/...", "shared/..."}, sdk, pgx, run, cdk),

	// Rights, verifiers and what a server says of them are PostgreSQL's own: nothing but a real one can prove them.
	"shared/source/sourcelogin": {"infra/sandbox/postgres"},
}

func TestImportsGoOneWay(t *testing.T) {
	used := make(map[string]bool)
	for _, s := range sources(t) {
		r, ok := ruleFor(s.folder)
		if !ok {
			t.Errorf("%s: no rule says what packages of %s may import; add one with its reason", s.path, s.folder)
			continue
		}
		used[r.folder] = true
		may := r.may
		if s.test {
			top, _, _ := strings.Cut(s.folder, "/")
			may = slices.Concat(may, inTests[top], inTests[s.folder], []string{s.folder})
		}
		for _, name := range s.imports {
			own, isOwn := strings.CutPrefix(name, module+"/")
			if !isOwn && !strings.Contains(strings.Split(name, "/")[0], ".") {
				continue // standard library
			}
			if isOwn {
				name = own
			}
			if !slices.ContainsFunc(may, func(entry string) bool { return covers(entry, name) }) {
				t.Errorf("%s imports %s; %s may not: %s", s.path, name, r.folder, r.why)
			}
		}
	}
	for _, r := range rules {
		if !used[r.folder] {
			t.Errorf("the rule for %s covers no package any more; remove it", r.folder)
		}
	}
}

// TestRulesNameWhatExists keeps the table from naming own packages that are gone.
func TestRulesNameWhatExists(t *testing.T) {
	for _, r := range rules {
		for _, entry := range r.may {
			if strings.Contains(strings.Split(entry, "/")[0], ".") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root(t), strings.TrimSuffix(entry, "/..."))); err != nil {
				t.Errorf("rule for %s: %v", r.folder, err)
			}
		}
	}
}

// TestRulesCanFail shows that an edge which the rules forbid is found.
func TestRulesCanFail(t *testing.T) {
	for _, tc := range []struct{ folder, imports string }{
		{"shared/credentials", "github.com/aws/aws-sdk-go-v2/aws"},
		{"lambdas/rotate", "infra/sandbox/clock"},
		{"lambdas/rotate", "lambdas/refresh"},
		{"shared/aws/awssecret", "shared/aws/awsbus"},
		{"infra/sandbox/lambda", "shared/aws/awssecret"},
		{"infra/stack", "shared/credentials"},
	} {
		r, ok := ruleFor(tc.folder)
		if !ok || slices.ContainsFunc(r.may, func(entry string) bool { return covers(entry, tc.imports) }) {
			t.Errorf("%s may import %s by the rule for %q", tc.folder, tc.imports, r.folder)
		}
	}
}

// ruleFor is the rule with the longest folder that covers the given one.
func ruleFor(folder string) (rule, bool) {
	var best rule
	for _, r := range rules {
		if covers(r.folder, folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

func covers(entry, name string) bool {
	tree, isTree := strings.CutSuffix(entry, "/...")
	return name == tree || isTree && strings.HasPrefix(name, tree+"/")
}
