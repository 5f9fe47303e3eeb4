package warehouse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

func TestFederatingAllows(t *testing.T) {
	f := warehouse.Federating{Sources: []string{"orders-*", "ledger.example.com:5432"}, SourceTags: map[string]string{"class": "open"}, Grantees: []string{"group:analyst*", "public"}}
	for _, tc := range []struct {
		id   string
		tags map[string]string
		want bool
	}{
		{"orders-prod", nil, true}, {"orders-", nil, true}, {"orders", nil, false}, {"my-orders-prod", nil, false}, {"ledger.example.com:5432", nil, true},
		{"ledger.example.com:5433", nil, false}, {"ledgerxexample.com:5432", nil, false}, {"", nil, false},
		{"other", map[string]string{"class": "open"}, true}, {"other", map[string]string{"class": "closed"}, false}, {"other", map[string]string{"Class": "open"}, false},
	} {
		if got := f.AllowsSource(tc.id, tc.tags); got != tc.want {
			t.Errorf("AllowsSource(%q, %v) = %t", tc.id, tc.tags, got)
		}
	}
	if (warehouse.Federating{SourceTags: map[string]string{"class": ""}}).AllowsSource("other", nil) {
		t.Error("a missing tag is one with an empty value")
	}
	for g, want := range map[warehouse.Grantee]bool{"group:analysts": true, "group:others": false, "role:analysts": false, "public": true, "user:public": false, "": false} {
		if got := f.AllowsGrantee(g); got != want {
			t.Errorf("AllowsGrantee(%q) = %t", g, got)
		}
	}
	if f.Limit() != 50 || (warehouse.Federating{RoleLimit: 10}).Limit() != 10 {
		t.Errorf("limit %d", f.Limit())
	}
}

func TestFederatingProblems(t *testing.T) {
	good := warehouse.Federating{Cluster: "examplecluster", Database: "dev", User: "sluice", Sources: []string{"*"}, Grantees: []string{"group:*", "role:bi", "public"}, RoleLimit: 10}
	if problems := good.Problems(); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
	bad := warehouse.Federating{Database: "Dev", User: "awsuser", Grantees: []string{"group:a", "analysts", "group:a b", "group:"}, RoleLimit: 51}
	want := []string{"cluster", "database", "user", "sources", "grantees[1]", "grantees[2]", "grantees[3]", "roleLimit"}
	if got := where(t, bad.Problems()); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := where(t, warehouse.Federating{Cluster: "c", Database: "d", User: "select", SourceTags: map[string]string{"a": "b"}}.Problems()); !slices.Equal(got, []string{"user"}) {
		t.Errorf("%v", got)
	}
}

func where(t *testing.T, problems fault.Problems) (out []string) {
	t.Helper()
	for _, p := range problems {
		out = append(out, p.Where)
		if p.Fix == "" {
			t.Errorf("%s has no remedy", p.Where)
		}
	}
	return out
}

func TestBadGrantee(t *testing.T) {
	for g, good := range map[warehouse.Grantee]bool{
		"group:analysts": true, "role:bi_2": true, "user:alice": true, "public": true, "user:a$": true,
		"": false, "analysts": false, "PUBLIC": false, "group:": false, "group:A": false, "groups:a": false, "public:a": false, "group:a b": false, `group:a"`: false, "group:select": false,
		warehouse.Grantee("group:" + strings.Repeat("a", 128)): false,
	} {
		what, fix := g.Bad()
		if (what == "") != good || (fix == "") != good {
			t.Errorf("%q: %q, %q", g, what, fix)
		}
	}
}

// What a message means does not depend on the names in it, and each cause has its remedy.
func TestExplain(t *testing.T) {
	for message, reason := range map[string]string{
		"ERROR:  authentication method 10 not supported": warehouse.ScramOnly,
		"ERROR: Failed to read secret arn:aws:secretsmanager:us-east-1:111122223333:secret:x from AWS Secrets Manager: Access to KMS is not allowed":                                warehouse.KeyRefused,
		"User: arn:aws:sts::111122223333:assumed-role/kms/x is not authorized to perform: kms:Decrypt":                                                                              warehouse.KeyRefused,
		"User: arn:aws:sts::111122223333:assumed-role/kms/x is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:1:secret:kms": warehouse.SecretRefused,
		"ERROR: Failed to read secret arn:x from AWS Secrets Manager: AccessDeniedException":                                                                                        warehouse.SecretRefused,
		"Secrets Manager can't find the specified secret.":                                                                                                                          warehouse.SecretRefused,
		"You can't perform this operation on the secret because it was marked for deletion.":                                                                                        warehouse.SecretRefused,
		"Not authorized to get credentials of role arn:aws:iam::111122223333:role/sluice/test/sluice-test-user-database-group":                                                      warehouse.RoleRefused,
		`ERROR: Failed to incorporate external table "kms"."users" into local catalog. Error=exception name : UnauthorizedException, error type : 136, message: The requested role arn:aws:iam::111122223333:role/x is not associated to cluster, should retry : 0`: warehouse.RoleRefused,
		"The IAM role arn:x is not valid. The IAM role must delegate access to an Amazon Redshift account.":                             warehouse.RoleRefused,
		"error:  timeout expired\n code: 25300 context: location: pgclient.cpp:535 process: padbmaster":                                 warehouse.NetworkClosed,
		`ERROR: Failed to incorporate external table "kms"."users" into local catalog. Error=: curlCode: 28, Timeout was reached`:       warehouse.SecretsUnreachable,
		`ERROR: Failed to incorporate external table "kms"."users" into local catalog. Error=: curlCode: 7, Couldn't connect to server`: warehouse.SecretsUnreachable,
		`could not connect to server: Connection refused Is the server running on host "kms-user-database" (10.0.0.1)`:                  warehouse.NetworkClosed,
		`FATAL: password authentication failed for user "secret_username"`:                                                              warehouse.PasswordRefused,
		"Secret arn:x needs the keys username and password: one of them is missing":                                                     warehouse.SecretUnreadable,
		"ERROR: invalid snapshot identifier":                                                       warehouse.ReaderEndpoint,
		"could not complete because of conflict with concurrent transaction":                       warehouse.StatementConflict,
		"ERROR: cannot drop schema kms_orders because other objects depend on it":                  warehouse.Dependents,
		`ERROR: syntax error at or near "group"`:                                                   warehouse.StatementWrong,
		`ERROR: Schema "user" already exists`:                                                      warehouse.SchemaTaken,
		"ERROR: permission denied for schema kms_keys":                                             warehouse.StatementDenied,
		"ERROR: must be owner of schema orders_live":                                               warehouse.StatementDenied,
		`ERROR: group "user" does not exist`:                                                       warehouse.GranteeMissing,
		`ERROR: role "database" does not exist`:                                                    warehouse.GranteeMissing,
		`FATAL: user "sluice" does not exist`:                                                      warehouse.LoginMissing,
		`FATAL: database "user_group" does not exist`:                                              warehouse.DatabaseMissing,
		`ERROR: schema "database" does not exist`:                                                  warehouse.StatementConflict,
		`FATAL: no pg_hba.conf entry for host "10.0.0.1", user "role", database "schema", SSL off`: source.LoginRefused,
		"FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute":    source.SourceBusy,
		`FATAL: too many connections for role "permission denied"`:                                 source.SourceBusy,
		`could not translate host name "kms.example.com" to address: Name or service not known`:    warehouse.HostUnknown,
		"The cluster is paused":                                                                    warehouse.WarehouseAway,
		"ERROR: the moon is full":                                                                  warehouse.StatementFailed,
		"":                                                                                         warehouse.StatementFailed,
	} {
		got := warehouse.Explain(message)
		if got.Reason != reason || got.Fix == "" || got.Kind == "" {
			t.Errorf("%q: %+v, want %s", message, got, reason)
		}
	}
}

// A source asks a user that it does not know for SCRAM as well, so that the remedy has both.
func TestExplainScram(t *testing.T) {
	fix := warehouse.ExplainRead("ERROR:  authentication method 10 not supported").Fix
	for _, part := range []string{"SET password_encryption = 'md5'", "ALTER ROLE", "does not exist in the source"} {
		if !strings.Contains(fix, part) {
			t.Errorf("remedy %q does not say %q", fix, part)
		}
	}
}

// Where a schema is read, the source speaks: the SQL of sluice bootstrap helps nobody then.
func TestExplainRead(t *testing.T) {
	for message, reason := range map[string]string{
		"ERROR: permission denied for relation users":                        warehouse.StatementDenied,
		`FATAL: role "sluice_orders_1" does not exist`:                       warehouse.PasswordRefused,
		`FATAL: role "sluice_orders_1" is not permitted to log in`:           source.LoginRefused,
		`ERROR: schema "sales" does not exist`:                               source.SchemaMissing,
		`FATAL: user "sluice" does not exist`:                                warehouse.LoginMissing, // that is the warehouse's own word
		"error:  timeout expired":                                            warehouse.NetworkClosed,
		"Error=: curlCode: 28, Timeout was reached":                          warehouse.SecretsUnreachable,
		`FATAL: password authentication failed for user "permission denied"`: warehouse.PasswordRefused,
		"ERROR: the moon is full":                                            warehouse.StatementFailed,
	} {
		got := warehouse.ExplainRead(message)
		if got.Reason != reason || got.Fix == "" || strings.Contains(got.Fix, "bootstrap") != (reason == warehouse.LoginMissing) {
			t.Errorf("%q: %+v, want %s", message, got, reason)
		}
	}
}

// Whatever a name is, the message about it means the same.
func FuzzExplain(f *testing.F) {
	f.Add("orders_live")
	f.Add("kms key")
	f.Add("authentication method 10 not supported")
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "\"\n") {
			t.Skip()
		}
		for text, reason := range map[string]string{"FATAL: password authentication failed for user ": warehouse.PasswordRefused, "FATAL: user  does not exist ": warehouse.LoginMissing} {
			if got := warehouse.Explain(text + `"` + name + `"`); got.Reason != reason {
				t.Errorf("%q: %s", name, got.Reason)
			}
		}
	})
}
