package config_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
)

// federated is good with a federation, of which the text of one warehouse and of the rest is given.
func federated(t *testing.T, warehouse, rest string) string {
	t.Helper()
	return edit(t, `"stage"`, `"federation": {"warehouses": {"lake": {`+warehouse+`}}`+rest+`}, "stage"`)
}

// lake is a warehouse of a federation with nothing that could be left out.
const lake = `"cluster": "examplecluster", "database": "exampledb", "user": "sluice", "sources": ["orders-*"]`

func TestFederationHasDefaults(t *testing.T) {
	s, err := config.Parse([]byte(federated(t, lake, "")))
	if err != nil {
		t.Fatal(err)
	}
	if f := s.Federation; f.Policy != "documented" || f.RecoveryDays != 30 || f.Sweep != 15*time.Minute || f.Network != nil || f.Key != "" {
		t.Errorf("federation is %+v", f)
	}
	if s, err = config.Parse([]byte(good)); err != nil || s.Federation != nil {
		t.Errorf("a document without a federation has %+v, %v", s.Federation, err)
	}
}

func TestFederationTakesWhatIsGiven(t *testing.T) {
	const key = "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	s, err := config.Parse([]byte(federated(t, lake+`, "sourceTags": {"class": "open"}, "grantees": ["group:analysts", "role:bi_*", "public"], "roleLimit": 10`,
		`, "hosts": ["ledger.example.com:5433"], "policy": "strict", "kmsKey": "`+key+`", "recoveryDays": 7, "sweep": "5m",
		 "network": {"subnets": ["subnet-0a1b2c3d4e5f60718"], "securityGroups": ["sg-12345678"]}, "requesters": ["arn:aws:iam::111122223333:role/catalog"]`)))
	if err != nil {
		t.Fatal(err)
	}
	f, w := s.Federation, s.Federation.Warehouses["lake"]
	got := []any{w.Cluster, w.Database, w.User, w.Sources, w.SourceTags, w.Grantees, w.RoleLimit, f.Hosts, f.Policy, f.Key, f.RecoveryDays, f.Sweep, *f.Network, f.Requesters}
	want := []any{"examplecluster", "exampledb", "sluice", []string{"orders-*"}, map[string]string{"class": "open"}, []string{"group:analysts", "role:bi_*", "public"}, 10,
		[]string{"ledger.example.com:5433"}, "strict", key, 7, 5 * time.Minute,
		config.Network{Subnets: []string{"subnet-0a1b2c3d4e5f60718"}, SecurityGroups: []string{"sg-12345678"}}, []string{"arn:aws:iam::111122223333:role/catalog"}}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// TestFederationAloneIsEnough: a stage needs no consumers, and no warehouse that mints logins.
func TestFederationAloneIsEnough(t *testing.T) {
	s, err := config.Parse([]byte(`{"stage": "test", "account": "111122223333", "region": "eu-central-1", "federation": {"warehouses": {"lake": {` + lake + `}}}}`))
	if err != nil || len(s.Consumers) != 0 || len(s.WarehousesInUse()) != 0 {
		t.Errorf("Parse = %+v, %v", s, err)
	}
}

func TestFederationReportsProblems(t *testing.T) {
	const app = "arn:aws:iam::111122223333:role/app"
	for _, tc := range []struct {
		name            string
		warehouse, rest string
		want            []string
	}{
		{"unknown keys", lake + `, "port": 5439`, `, "subnets": []`, []string{
			`federation.subnets: is unknown; use warehouses, hosts, policy, kmsKey, recoveryDays, sweep, network, requesters`,
			`federation.warehouses.lake.port: is unknown; use cluster, database, user, sources, sourceTags, grantees, roleLimit`,
		}},
		{"missing keys", `"sources": ["*"]`, ``, []string{
			`federation.warehouses.lake.cluster: is missing; add it`,
			`federation.warehouses.lake.database: is missing; add it`,
			`federation.warehouses.lake.user: is missing; add it`,
		}},
		{"wrong types", lake + `, "sourceTags": ["x"], "roleLimit": "many"`, `, "sweep": 15, "recoveryDays": "all", "network": null, "hosts": {}`, []string{
			`federation.hosts: is an object; write a list`,
			`federation.network: is null; write an object`,
			`federation.recoveryDays: is the string "all"; write a whole number`,
			`federation.sweep: is the number 15; write a duration such as "60m"`,
			`federation.warehouses.lake.roleLimit: is the string "many"; write a whole number`,
			`federation.warehouses.lake.sourceTags: is a list; write an object`,
		}},
		{"a warehouse with everything wrong", `"cluster": "Lake", "database": "Sales", "user": "awsuser", "grantees": ["analysts"], "roleLimit": 51`, ``, []string{
			`federation.warehouses.lake.cluster: is "Lake"; write the cluster's identifier, not its ARN or address: lower-case letters, digits and single hyphens`,
			`federation.warehouses.lake.database: "Sales" does not start with a lower-case letter; use 1 to 64 lower-case letters, digits, _ + . @ or -, starting with a letter, and no reserved word`,
			`federation.warehouses.lake.grantees[0]: "analysts" is no grantee; write "group:NAME", "role:NAME", "user:NAME" or "public"; * stands for any run of characters`,
			`federation.warehouses.lake.roleLimit: is 51; write 1 to 50, or nothing`,
			`federation.warehouses.lake.sources: and sourceTags are empty, so that no source could be brought in; name instance identifiers or patterns such as "orders-*"`,
			`federation.warehouses.lake.user: awsuser is a superuser; make a user of its own for Sluice with the SQL of sluice bootstrap`,
		}},
		{"the rest with everything wrong", lake, `, "hosts": ["https://db", "db.example.com:70000", "a:1", "a:1"], "policy": "loose", "kmsKey": "alias/mine", "recoveryDays": 0, "sweep": "90s",
			"network": {"subnets": [], "securityGroups": ["sg-1"]}, "requesters": ["*", "` + app + `", "` + app + `", "arn:aws:iam::444455556666:role/app"]`, []string{
			`federation.hosts[0]: is "https://db"; write a host name in lower case and its port: "orders.example.com:5432"`,
			`federation.hosts[1]: has the port 70000; write a port of at most 65535`,
			`federation.hosts[3]: "a:1" is there twice; keep one of them`,
			`federation.kmsKey: is "alias/mine"; write the ARN of a key, not of an alias: "arn:aws:kms:…:key/…"`,
			`federation.network.securityGroups[0]: is "sg-1"; write a security group's id such as "sg-0a1b2c3d4e5f60718"`,
			`federation.network.subnets: has 0; name 1 to 16`,
			`federation.policy: is "loose"; write "documented" or "strict"`,
			`federation.recoveryDays: is 0; write 7 to 30`,
			`federation.requesters[0]: is "*"; write the ARN of one role or user: "arn:aws:iam::111122223333:role/app"`,
			`federation.requesters[2]: "` + app + `" is there twice; keep one of them`,
			`federation.requesters[3]: is in account 444455556666, whose events are refused; use a principal of account 111122223333`,
			`federation.sweep: is 1m30s; write whole minutes, at least "5m"`,
		}},
		{"a sweep too often", lake, `, "sweep": "4m"`, []string{`federation.sweep: is 4m0s; write whole minutes, at least "5m"`}},
		{"Sluice's own user among those that are minted", strings.Replace(lake, "sluice", "app_sluice", 1), ``, []string{
			`federation.warehouses.lake.user: "app_sluice" could be minted for a consumer: warehouses.analytics.allow.users[0] has "app_*"; give Sluice a user of its own, or narrow the pattern`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { refused(t, federated(t, tc.warehouse, tc.rest), tc.want...) })
	}
	t.Run("no warehouse", func(t *testing.T) {
		refused(t, edit(t, `"stage"`, `"federation": {"warehouses": {}}, "stage"`), `federation.warehouses: is empty; declare at least one warehouse, or leave federation out`)
	})
	t.Run("a warehouse whose secrets would lie among Sluice's own", func(t *testing.T) {
		document := strings.ReplaceAll(federated(t, lake, ""), `"analytics"`, `"source"`)
		refused(t, document, `warehouses.source: would share the names of its secrets with those of federations; choose another name`)
	})
	t.Run("an environment that Lambda does not take", func(t *testing.T) {
		var sources []string
		for i := range 60 {
			sources = append(sources, fmt.Sprintf(`"%s-%02d"`, strings.Repeat("s", 60), i))
		}
		refused(t, federated(t, strings.Replace(lake, `"orders-*"`, strings.Join(sources, ", "), 1), ""),
			`federation: makes an environment of 4504 bytes, and Lambda gives a function 4096; use patterns of sources and grantees, or split it into several stages`)
	})
}

// refused checks that a document has these problems and no others.
func refused(t *testing.T, document string, want ...string) {
	t.Helper()
	_, err := config.Parse([]byte(document))
	problems, ok := errors.AsType[fault.Problems](err)
	if !ok {
		t.Fatalf("Parse: %v; want problems", err)
	}
	if got := problems.Error(); got != strings.Join(want, "\n") {
		t.Errorf("problems are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestProvision: the function reads what the stage tells it, and gets the names that the stage has.
func TestProvision(t *testing.T) {
	for _, example := range []string{"sandbox.json", "example.json"} {
		s, err := config.Read(example)
		if err != nil {
			t.Fatal(err)
		}
		env := s.Provision().Env()
		got, err := settings.LoadProvision(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		if err != nil || !reflect.DeepEqual(got, s.Provision()) {
			t.Errorf("%s: LoadProvision = %+v, %v; want %+v", example, got, err, s.Provision())
		}
	}
	s, err := config.Read("sandbox.json")
	if err != nil {
		t.Fatal(err)
	}
	got := s.Provision()
	got.Federation = settings.Federation{}
	want := settings.Provision{
		Stage: "sandbox", Bus: "sluice-sandbox", Account: "111122223333", Region: "us-east-1", Table: "sluice-sandbox",
		Queue:       "https://sqs.us-east-1.amazonaws.com/111122223333/sluice-sandbox-work",
		DeadLetters: "https://sqs.us-east-1.amazonaws.com/111122223333/sluice-sandbox-dead",
		Login:       "sluice-sandbox-login", Boundary: "arn:aws:iam::111122223333:policy/sluice-sandbox-boundary",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Provision = %+v, want %+v", got, want)
	}
	if got, want := s.Login().Env(), map[string]string{"SLUICE_STAGE": "sandbox"}; !reflect.DeepEqual(got, want) {
		t.Errorf("login is told %v, want %v", got, want)
	}
	s.Region = "cn-north-1"
	if got, want := s.Provision().Queue, "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/sluice-sandbox-work"; got != want {
		t.Errorf("queue in China is %s, want %s", got, want)
	}
}
