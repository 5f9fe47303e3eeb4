package settings_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

var provision = settings.Provision{
	Stage: "prod", Bus: "sluice-prod", Account: "111122223333", Region: "eu-central-1", Table: "sluice-prod",
	Queue: "https://sqs.eu-central-1.amazonaws.com/111122223333/sluice-prod-work", DeadLetters: "https://sqs.eu-central-1.amazonaws.com/111122223333/sluice-prod-dead",
	Login: "sluice-prod-login", Boundary: "arn:aws:iam::111122223333:policy/sluice-prod-boundary",
	Federation: settings.Federation{
		Warehouses: map[string]warehouse.Federating{"analytics": {
			Cluster: "examplecluster", Database: "sales", User: "sluice", Sources: []string{"orders-*"}, SourceTags: map[string]string{"class": "open"},
			Grantees: []string{"group:analysts"}, RoleLimit: 10,
		}},
		Hosts: []string{"ledger.example.com:5432"}, Policy: settings.PolicyStrict, Key: "arn:aws:kms:eu-central-1:111122223333:key/k", RecoveryDays: 7,
	},
}

func TestFederationJobReadsWhatEnvWrote(t *testing.T) {
	if got, err := settings.LoadProvision(lookup(provision.Env())); err != nil || !reflect.DeepEqual(got, provision) {
		t.Errorf("LoadProvision = %+v, %v; want %+v", got, err, provision)
	}
	login := settings.Login{Stage: "prod"}
	if got, err := settings.LoadLogin(lookup(login.Env())); err != nil || got != login {
		t.Errorf("LoadLogin = %+v, %v; want %+v", got, err, login)
	}
	if got, want := provision.Place(), (warehouse.Place{Partition: "aws", Region: "eu-central-1", Account: "111122223333"}); got != want {
		t.Errorf("Place = %+v, want %+v", got, want)
	}
}

func TestFederationJobReportsAllProblemsAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change map[string]string // over the environment; empty unsets; nil takes everything away
		want   []string
	}{
		{"nothing", nil, []string{"SLUICE_STAGE", "SLUICE_BUS", "SLUICE_ACCOUNT", "SLUICE_REGION", "SLUICE_TABLE", "SLUICE_QUEUE", "SLUICE_DEAD_LETTERS",
			"SLUICE_LOGIN_FUNCTION", "SLUICE_BOUNDARY", "SLUICE_FEDERATION"}},
		{"a field of another version", map[string]string{"SLUICE_FEDERATION": `{"workgroups":{}}`}, []string{"SLUICE_FEDERATION"}},
		{"a variable that is missing does not hide a federation that is wrong", map[string]string{"SLUICE_TABLE": "",
			"SLUICE_FEDERATION": `{"warehouses":{"b":{"cluster":"c","database":"d","user":"awsuser","sources":["*"]},"a":{"cluster":"","database":"d","user":"u"}},"policy":"loose","recoveryDays":6}`},
			[]string{"SLUICE_TABLE", "SLUICE_FEDERATION.warehouses.a.cluster", "SLUICE_FEDERATION.warehouses.a.sources", "SLUICE_FEDERATION.warehouses.b.user",
				"SLUICE_FEDERATION.policy", "SLUICE_FEDERATION.recoveryDays"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := make(map[string]string)
			if tc.change != nil {
				env = provision.Env()
				maps.Copy(env, tc.change)
			}
			_, err := settings.LoadProvision(lookup(env))
			if got := places(t, err); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %v, want %v", got, tc.want)
			}
		})
	}
	_, err := settings.LoadLogin(lookup(nil))
	if got := places(t, err); !slices.Equal(got, []string{"SLUICE_STAGE"}) {
		t.Errorf("login with nothing: problems at %v", got)
	}
}
