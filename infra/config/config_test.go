package config_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/fault"
)

// good is a document with nothing that could be left out.
const good = `{
  "stage": "test",
  "account": "111122223333",
  "region": "eu-central-1",
  "warehouses": {
    "analytics": {"cluster": "examplecluster", "allow": {"databases": ["exampledb"], "users": ["app_*"]}}
  },
  "consumers": {
    "reports": {"warehouse": "analytics", "database": "exampledb", "user": "app_reports"}
  }
}`

// edit replaces pairs of old and new text in good.
func edit(t *testing.T, pairs ...string) string {
	t.Helper()
	document := good
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(document, pair[0]) {
			t.Fatalf("nothing to replace: the document has no %s", pair[0])
		}
		document = strings.Replace(document, pair[0], pair[1], 1)
	}
	return document
}

func TestParseFillsInDefaults(t *testing.T) {
	s, err := config.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if s.Architecture != config.ARM64 || s.LogDays != 30 {
		t.Errorf("architecture %s and %d days; want arm64 and 30", s.Architecture, s.LogDays)
	}
	if want := (config.Timings{Lifetime: time.Hour, Tick: 5 * time.Minute, RotateBelow: 40 * time.Minute}); s.Timings != want {
		t.Errorf("timings are %v, want %v", s.Timings, want)
	}
	if want := []string{"arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-central-1"}; !slices.Equal(s.Deployers, want) {
		t.Errorf("deployers are %v, want %v", s.Deployers, want)
	}
	if got := s.Warehouses["analytics"].Verify; got != "login" {
		t.Errorf("verify is %q, want login", got)
	}
	if got, want := s.SecretName("reports"), "sluice/test/analytics/reports"; got != want {
		t.Errorf("SecretName = %s, want %s", got, want)
	}
}

func TestParseTakesWhatIsGiven(t *testing.T) {
	s, err := config.Parse([]byte(edit(t,
		`"stage"`, `"architecture": "x86_64", "logRetentionDays": 7, "timings": {"lifetime": "45m", "rotateBelow": "25m"},
		  "deployers": ["arn:aws:iam::111122223333:role/release-*"], "stage"`,
		`"allow"`, `"verify": "mint", "network": {"subnets": ["subnet-0a1b2c3d4e5f60718"], "securityGroups": ["sg-12345678"]}, "allow"`)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Architecture != config.X8664 || s.LogDays != 7 || !slices.Equal(s.Deployers, []string{"arn:aws:iam::111122223333:role/release-*", "arn:aws:iam::111122223333:role/cdk-hnb659fds-cfn-exec-role-111122223333-eu-central-1"}) {
		t.Errorf("got %s, %d days, deployers %v", s.Architecture, s.LogDays, s.Deployers)
	}
	if want := (config.Timings{Lifetime: 45 * time.Minute, Tick: 5 * time.Minute, RotateBelow: 25 * time.Minute}); s.Timings != want {
		t.Errorf("timings are %v, want %v", s.Timings, want)
	}
	w := s.Warehouses["analytics"]
	if w.Verify != "mint" || w.Network == nil || w.Network.Subnets[0] != "subnet-0a1b2c3d4e5f60718" || w.Network.SecurityGroups[0] != "sg-12345678" {
		t.Errorf("warehouse is %+v, network %+v", w, w.Network)
	}
}

func TestParseKnowsThisMachine(t *testing.T) {
	s, err := config.Parse([]byte(edit(t, `"stage"`, `"architecture": "host", "stage"`)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"amd64": config.X8664, "arm64": config.ARM64}[runtime.GOARCH]
	if s.Architecture != want {
		t.Errorf("architecture is %q, want %q", s.Architecture, want)
	}
}

func TestParseReportsProblems(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/app"
	for _, tc := range []struct {
		name  string
		edits []string // pairs of old and new text
		want  []string // problems, whole
	}{
		{"not JSON", []string{`"region": "eu-central-1",`, `"region" "eu-central-1",`}, []string{
			`document: is not JSON near line 4: invalid character '"' after object key; mend it there`,
		}},
		{"cut off", []string{"  \"consumers\": {\n    \"reports\": {\"warehouse\": \"analytics\", \"database\": \"exampledb\", \"user\": \"app_reports\"}\n  }\n}", ""}, []string{
			`document: is not JSON near line 7: unexpected EOF; mend it there`,
		}},
		{"two documents", []string{`"app_reports"}` + "\n  }\n}", `"app_reports"}}} {}`}, []string{
			`document: is not JSON near line 9: something follows its end; mend it there`,
		}},
		{"unknown keys at each depth", []string{`"stage"`, `"Stage": "x", "stage"`, `"allow"`, `"port": 5439, "allow"`, `"users"`, `"superusers": true, "users"`}, []string{
			`Stage: is unknown; use stage, account, region, architecture, logRetentionDays, timings, deployers, kmsKey, alarmTopics, warehouses, consumers, federation`,
			`warehouses.analytics.allow.superusers: is unknown; use databases, users, groups, autoCreate, readers`,
			`warehouses.analytics.port: is unknown; use cluster, verify, network, allow`,
		}},
		{"the same key twice", []string{`"user": "app_reports"`, `"user": "app_a", "user": "app_b"`}, []string{
			`consumers.reports.user: is there twice; keep one of them`,
		}},
		{"missing keys", []string{`"account": "111122223333",`, ``, `"cluster": "examplecluster", `, ``, `, "user": "app_reports"`, ``}, []string{
			`account: is missing; add it`,
			`consumers.reports.user: is missing; add it`,
			`warehouses.analytics.cluster: is missing; add it`,
		}},
		{"wrong types", []string{`"stage": "test"`, `"stage": 7, "logRetentionDays": "30", "timings": {"tick": 5}, "deployers": "me"`, `"users"`, `"groups": [null], "users"`, `"app_reports"`, `{"name": "app"}`}, []string{
			`consumers.reports.user: is an object; write a string`,
			`deployers: is the string "me"; write a list`,
			`logRetentionDays: is the string "30"; write a whole number`,
			`stage: is the number 7; write a string`,
			`timings.tick: is the number 5; write a duration such as "60m"`,
			`warehouses.analytics.allow.groups[0]: is null; write a string`,
		}},
		{"bad names", []string{`"test"`, `"Test"`, `"111122223333"`, `"1111"`, `"eu-central-1"`, `"Frankfurt"`, `"examplecluster"`, `"examplecluster.abc.redshift.amazonaws.com"`,
			`"reports":`, `"-reports":`, `"stage"`, `"architecture": "arm", "logRetentionDays": 31, "stage"`}, []string{
			`account: is "1111"; write the 12 digits in quotes`,
			`architecture: is "arm"; write "arm64", "x86_64", or "host" for functions that run on this machine`,
			`consumers.-reports: is "-reports"; use lower-case letters, digits and single hyphens between them, starting with a letter`,
			`logRetentionDays: is 31, which CloudWatch does not take; use one of 1 3 5 7 14 30 60 90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653`,
			`region: is "Frankfurt"; write a region such as "eu-central-1"`,
			`stage: is "Test"; use lower-case letters, digits and single hyphens between them, starting with a letter`,
			`warehouses.analytics.cluster: is "examplecluster.abc.redshift.amazonaws.com"; write the cluster's identifier, not its ARN or address: lower-case letters, digits and single hyphens`,
		}},
		{"a name that is too long", []string{`"reports":`, `"` + strings.Repeat("r", 41) + `":`}, []string{
			`consumers.` + strings.Repeat("r", 41) + `: has 41 characters; use at most 40`,
		}},
		{"timings that leave readers too little", []string{`"stage"`, `"timings": {"lifetime": "15m", "rotateBelow": "12m"}, "stage"`}, []string{
			`timings.lifetime: is 15m, and 20m (for a day's versions) + 5m (for what readers cache) + 2 x 5m (ticks) + 1m (window and rotation) = 36m is the least; write 36m or more, or tick more often`,
		}},
		{"timings that leave readers too little of a long life", []string{`"stage"`, `"timings": {"rotateBelow": "12m"}, "stage"`}, []string{
			`timings: leave a reader 12m - 5m (tick) - 1m (window and rotation) = 6m of life, and a reader that caches for 5m and meets one missed tick needs 10m; raise rotateBelow to 16m or more, or tick more often`,
		}},
		{"timings that use up the versions", []string{`"stage"`, `"timings": {"rotateBelow": "50m"}, "stage"`}, []string{
			`timings: take 24h / (60m - 50m) = 144 versions of a secret a day, and it keeps 100 - 25 (failed attempts) - 3 (spare) = 72; lower rotateBelow to 40m or less`,
		}},
		{"timings that are none", []string{`"stage"`, `"timings": {"lifetime": "an hour", "tick": "90s"}, "stage"`}, []string{
			`timings.lifetime: is "an hour"; write a duration such as "60m"`,
			`timings.tick: is 1m30s, and EventBridge Scheduler counts whole minutes from 1; write "5m"`,
		}},
		{"a network that Lambda refuses", []string{`"allow"`, `"network": {"subnets": ["subnet-1", "subnet-0a1b2c3d4e5f60718", "subnet-0a1b2c3d4e5f60718"], "securityGroups": []}, "allow"`}, []string{
			`warehouses.analytics.network.securityGroups: has 0; name 1 to 5`,
			`warehouses.analytics.network.subnets[0]: is "subnet-1"; write a subnet's id such as "subnet-0a1b2c3d4e5f60718"`,
			`warehouses.analytics.network.subnets[2]: "subnet-0a1b2c3d4e5f60718" is there twice; keep one of them`,
		}},
		{"a warehouse that allows everyone", []string{`["app_*"]`, `["*"]`}, []string{
			`warehouses.analytics.allow.users[0]: "*" matches the superuser awsuser; use 1 to 64 lower-case letters, digits, _ + . @ or -, starting with a letter, and no reserved word; * stands for any run of characters`,
		}},
		{"a warehouse that allows nothing", []string{`["app_*"]`, `[]`}, []string{
			`consumers.reports.user: "app_reports" is not allowed in warehouse analytics; use a user that matches nothing (the list is empty), or add it to the warehouse's allow.users`,
			`warehouses.analytics.allow.users: is empty, so that no login could be minted; name users or patterns such as "app_*"`,
		}},
		{"a consumer outside its warehouse", []string{`"user": "app_reports"`, `"user": "admin", "groups": ["g"], "autoCreate": true, "readers": ["` + role + `"]`, `"database": "exampledb"`, `"database": "other"`}, []string{
			`consumers.reports.autoCreate: warehouse analytics does not let logins create users; create the user yourself, or set the warehouse's allow.autoCreate`,
			`consumers.reports.database: "other" is not allowed in warehouse analytics; use exampledb, or add it to the warehouse's allow.databases`,
			`consumers.reports.groups: "g" is not allowed in warehouse analytics; use nothing (the list is empty), or add it to the warehouse's allow.groups`,
			`consumers.reports.readers[0]: "` + role + `" is not allowed in warehouse analytics; add it to the warehouse's allow.readers`,
			`consumers.reports.user: "admin" is not allowed in warehouse analytics; use a user that matches app_*, or add it to the warehouse's allow.users`,
		}},
		{"a consumer of no warehouse", []string{`"warehouse": "analytics"`, `"warehouse": "analytic"`}, []string{
			`consumers.reports.warehouse: "analytic" is not declared; use analytics, or declare it under warehouses`,
		}},
		{"readers that are not one principal", []string{`"users"`, `"readers": ["*", "arn:aws:iam::111122223333:role/*", "` + role + `", "` + role + `"], "users"`}, []string{
			`warehouses.analytics.allow.readers[0]: is "*"; write the ARN of one role or user: "arn:aws:iam::111122223333:role/app"`,
			`warehouses.analytics.allow.readers[1]: is "arn:aws:iam::111122223333:role/*"; write the ARN of one role or user: "arn:aws:iam::111122223333:role/app"`,
			`warehouses.analytics.allow.readers[3]: "` + role + `" is there twice; keep one of them`,
		}},
		{"a reader elsewhere without a key of ours", []string{`"users"`, `"readers": ["arn:aws:iam::444455556666:role/app"], "users"`}, []string{
			`warehouses.analytics.allow.readers[0]: is in account 444455556666, which cannot decrypt with the key of 111122223333; set kmsKey to a key that lets it decrypt, or use a principal of this account`,
		}},
		{"topics of alarms", []string{`"stage"`, `"alarmTopics": ["on-call", "arn:aws:sns:eu-central-1:111122223333:on-call", "arn:aws:sns:eu-central-1:111122223333:on-call",
			"arn:aws:sns:us-east-1:111122223333:on-call", "arn:aws:sns:eu-central-1:111122223333:a", "arn:aws:sns:eu-central-1:111122223333:b.fifo"], "stage"`}, []string{
			`alarmTopics: has 6; name at most 5`,
			`alarmTopics[0]: is "on-call"; write the ARN of a standard SNS topic: "arn:aws:sns:eu-central-1:111122223333:on-call"`,
			`alarmTopics[2]: "arn:aws:sns:eu-central-1:111122223333:on-call" is there twice; keep one of them`,
			`alarmTopics[3]: is in region us-east-1; use a topic of eu-central-1, where the alarms are`,
			`alarmTopics[5]: is "arn:aws:sns:eu-central-1:111122223333:b.fifo"; write the ARN of a standard SNS topic: "arn:aws:sns:eu-central-1:111122223333:on-call"`,
		}},
		{"deployers and keys", []string{`"stage"`, `"deployers": ["*"], "kmsKey": "alias/mine", "stage"`}, []string{
			`deployers[0]: is "*"; write the ARN of a role or user, with * for any run of characters: "arn:aws:iam::111122223333:role/deploy-*"`,
			`kmsKey: is "alias/mine"; write the ARN of a key, not of an alias: "arn:aws:kms:…:key/…"`,
		}},
		{"nothing declared", []string{`"analytics": {"cluster": "examplecluster", "allow": {"databases": ["exampledb"], "users": ["app_*"]}}`, ``,
			`"reports": {"warehouse": "analytics", "database": "exampledb", "user": "app_reports"}`, ``}, []string{
			`consumers: is empty, and there is no federation; declare at least one consumer, or a federation`,
		}},
		{"a consumer and no warehouse at all", []string{`"analytics": {"cluster": "examplecluster", "allow": {"databases": ["exampledb"], "users": ["app_*"]}}`, ``}, []string{
			`consumers.reports.warehouse: "analytics" is not declared; use nothing (there is none), or declare it under warehouses`,
			`warehouses: is empty; declare at least one warehouse`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse([]byte(edit(t, tc.edits...)))
			problems, ok := errors.AsType[fault.Problems](err)
			if !ok {
				t.Fatalf("Parse: %v; want problems", err)
			}
			if len(problems) != len(tc.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(problems), len(tc.want), problems)
			}
			for i, p := range problems {
				if got := p.String(); got != tc.want[i] {
					t.Errorf("problem %d\n got %s\nwant %s", i, got, tc.want[i])
				}
			}
		})
	}
}

func TestParseRefusesWhatAWSWould(t *testing.T) {
	consumers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"c%d": {"warehouse": "analytics", "database": "exampledb", "user": "app_reports"}, `, i)
		}
		return b.String() + `"reports"`
	}
	list := func(n, length int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"%s%03d"`, strings.Repeat("a", length-3), i)
		}
		return strings.Join(names, ", ")
	}
	warehouses := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"w%d": {"cluster": "examplecluster", "allow": {"databases": ["exampledb"], "users": ["app_*"]}}, `, i)
		}
		return b.String() + `"analytics": {`
	}
	groups := list(5, 51) // 259 characters with the colons
	for _, tc := range []struct {
		name  string
		edits []string
		want  string // "" for none
	}{
		{"100 consumers", []string{`"reports"`, consumers(99)}, ""},
		{"101 consumers", []string{`"reports"`, consumers(100)},
			`consumers: has 101, and a stack has room for 100; split them into several stages; a later version also takes consumers as events (Consumer Requested), without this limit`},
		{"15 warehouses", []string{`"analytics": {`, warehouses(14)}, ""},
		{"16 warehouses", []string{`"analytics": {`, warehouses(15)}, `warehouses: has 16, of at most 15 a stage; split them into several stages`},
		{"an environment that just fits", []string{`["app_*"]`, `["app_*", ` + list(57, 64) + `]`}, ""},
		{"an environment that does not", []string{`["app_*"]`, `["app_*", ` + list(58, 64) + `]`},
			`warehouses.analytics.allow: makes an environment of 4110 bytes, and Lambda gives a function 4096; use patterns of users, or split the warehouse`},
		{"groups that no tag holds", []string{`"users"`, `"groups": [` + groups + `], "users"`, `"app_reports"`, `"app_reports", "groups": [` + groups + `]`},
			`consumers.reports.groups: have 259 characters with the colons between them, and the tag of a secret that holds them has room for 256; name fewer groups`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse([]byte(edit(t, tc.edits...)))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("Parse:\n got %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestReadExamples(t *testing.T) {
	for path, stage := range map[string]string{"example.json": "prod", "sandbox.json": "sandbox"} {
		s, err := config.Read(path)
		if err != nil || s.Name != stage {
			t.Errorf("Read(%s) = stage %q, %v; want %q", path, s.Name, err, stage)
		}
	}
	if _, err := config.Read("missing.json"); err == nil || !strings.Contains(err.Error(), "read configuration: open missing.json") {
		t.Errorf("Read(missing.json): %v", err)
	}
}

func TestStageNamesWhatIsInUse(t *testing.T) {
	s, err := config.Parse([]byte(edit(t,
		`"analytics": {`, `"idle": {"cluster": "c", "allow": {"databases": ["d"], "users": ["u"]}}, "analytics": {`,
		`"reports": {`, `"ingest": {"warehouse": "analytics", "database": "exampledb", "user": "app_ingest"}, "reports": {`)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.WarehousesInUse(), []string{"analytics"}; !slices.Equal(got, want) {
		t.Errorf("WarehousesInUse = %v, want %v", got, want)
	}
	if got, want := s.ConsumersOf("analytics"), []string{"ingest", "reports"}; !slices.Equal(got, want) {
		t.Errorf("ConsumersOf(analytics) = %v, want %v", got, want)
	}
	if got := s.ConsumersOf("idle"); len(got) != 0 {
		t.Errorf("ConsumersOf(idle) = %v, want none", got)
	}
	if got := s.Refresh().Clusters; len(got) != 1 || got["analytics"] != "examplecluster" {
		t.Errorf("refresh is told of clusters %v", got)
	}
}

// FuzzParse: whatever the document, there is a stage or there are problems, each with a place, a cause and a remedy.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{good, `{}`, `[]`, `null`, `{"consumers":{"a":null}}`, `{"timings":{"tick":"1h"}}`, "{\"a\":1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		_, err := config.Parse(document)
		if err == nil {
			return
		}
		problems, ok := errors.AsType[fault.Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("Parse: %v; want problems", err)
		}
		for _, p := range problems {
			if p.Where == "" || p.What == "" || p.Fix == "" {
				t.Errorf("problem %q has an empty part", p)
			}
		}
	})
}
