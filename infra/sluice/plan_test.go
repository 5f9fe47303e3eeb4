package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// harmless are the calls that a plan may make.
var harmless = []string{"GetCallerIdentity", "DescribeDBInstances", "DescribeClusters"}

func TestPlan(t *testing.T) {
	w := start(t)
	before := w.AWS.Calls().Last()
	out := succeed(t, orders, "plan", "-")
	for _, call := range w.AWS.Calls().List(awshttp.Filter{After: before}) {
		if !slices.Contains(harmless, call.Operation) {
			t.Errorf("a plan calls %s", call.Operation)
		}
	}
	made := ordersRecord(t).Made
	says(t, out, "orders would be made of this. Nothing was changed.", made.RoleARN, "policy/sluice-sandbox-boundary", made.SecretName+"-??????", made.Login,
		"orders-prod.example.internal:5432/orders", "a rule in a security group of orders-prod",
		`CREATE EXTERNAL SCHEMA "orders_live"`, `GRANT USAGE ON SCHEMA "orders_live" TO GROUP "analysts", ROLE "bi"`,
		`"Service": "redshift.amazonaws.com"`, "secretsmanager:GetSecretValue")

	var of struct {
		Made   federation.Made
		Trust  struct{ Statement []any }
		Policy struct{ Statement []any }
		SQL    []string
	}
	if err := json.Unmarshal([]byte(succeed(t, orders, "plan", "-", "-json")), &of); err != nil {
		t.Fatal(err)
	}
	if of.Made.RoleARN != made.RoleARN || len(of.Trust.Statement) != 1 || len(of.Policy.Statement) == 0 || len(of.SQL) != 3 {
		t.Errorf("the JSON holds %+v", of)
	}
}

func TestPlanOfWhatWouldBeRefused(t *testing.T) {
	start(t)
	for _, tc := range []struct {
		name, old, replacement string
		reason, remedy         string
	}{
		{"unknown warehouse", `"analytics"`, `"finance"`, federation.WarehouseUnknown, "declare the warehouse"},
		{"source that is not there", `"orders-prod"`, `"orders-old"`, federation.SourceMissing, "correct the instance's identifier"},
		{"source that nobody allowed", `"orders-prod"`, `"payroll"`, federation.SourceNotAllowed, "add the source to the warehouse's sources"},
		{"host that is not listed", `"instance": "orders-prod"`, `"host": "db.example.com"`, federation.HostNotListed, "federation.hosts"},
		{"grantee that nobody allowed", `"group:analysts"`, `"public"`, federation.GranteeNotAllowed, "leave it out of grantUsageTo"},
		{"secret of another account", `"grantUsageTo"`, `"credentials": {"secret": "arn:aws:secretsmanager:us-east-1:444455556666:secret:orders-AbCdEf"}, "grantUsageTo"`, federation.OtherAccount, "use a secret of this account"},
		{"secret that is not there", `"grantUsageTo"`, `"credentials": {"secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf"}, "grantUsageTo"`, federation.SecretMissing, "correct the secret's ARN"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			document := strings.Replace(orders, tc.old, tc.replacement, 1)
			if tc.reason == federation.HostNotListed {
				document = strings.Replace(document, `"schema": "orders_live", "grantUsageTo": ["group:analysts", "role:bi"], "manageIngress": true`,
					`"schema": "orders_live", "credentials": {"admin": "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-AbCdEf"}`, 1)
			}
			out, errs, code := run(t, document, "plan", "-")
			if code != exitFailed {
				t.Errorf("it ends with %d, want %d", code, exitFailed)
			}
			if head, _, _ := strings.Cut(out, "\n"); !strings.HasPrefix(head, "orders would be blocked now: ") || !strings.Contains(head, tc.reason) {
				t.Errorf("it begins with %q", head)
			}
			says(t, out, "\n  remedy: ", tc.remedy, "Otherwise it would be made of this.", "A plan does not see whether the source has database orders and schema public", "a schema orders_live already")
			if unknown := tc.reason == federation.SourceMissing; strings.Contains(out, "source    not known\n") != unknown || strings.Contains(out, "URI '…' PORT …") != unknown || strings.Contains(out, "PORT 0") {
				t.Errorf("it invents where the source is:\n%s", out)
			}
			if want := "sluice plan: orders would be blocked now: " + tc.reason + "\n  configuration: " + stageFile + ", stage sandbox\n"; errs != want {
				t.Errorf("beside the plan it says %q, want %q", errs, want)
			}

			out, _, code = run(t, document, "plan", "-", "-json")
			var of struct {
				Refusal struct{ Reason, Message, Remedy string }
			}
			if err := json.Unmarshal([]byte(out), &of); err != nil || code != exitFailed {
				t.Fatalf("as JSON it ends with %d and %v:\n%s", code, err, out)
			}
			if of.Refusal.Reason != tc.reason || !strings.Contains(of.Refusal.Remedy, tc.remedy) || of.Refusal.Message == "" {
				t.Errorf("the JSON says %+v", of.Refusal)
			}
		})
	}
}

// TestPlanOfWhatWouldWait is of a cluster that will come back by itself.
func TestPlanOfWhatWouldWait(t *testing.T) {
	w := start(t)
	if err := w.Redshift.SetStatus("examplecluster", "paused"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Redshift.SetStatus("examplecluster", "available"); err != nil {
			t.Error(err)
		}
	}()
	says(t, succeed(t, orders, "plan", "-"), "It would wait now: ClusterPaused: cluster examplecluster is paused")
}

// TestPlanWarns is of a cluster that may not reach Secrets Manager.
//
// Scenario 26
func TestPlanWarns(t *testing.T) {
	w := start(t)
	route := func(on bool) {
		if err := w.Redshift.SetEnhancedRouting("examplecluster", on); err != nil {
			t.Error(err)
		}
	}
	route(true)
	defer route(false)
	warning := "EndpointMissing: " + world.VPC + " has no interface endpoint for " + world.SecretsService
	says(t, succeed(t, orders, "plan", "-"), "orders would be made of this.", "\nWarning: "+warning)
	var of struct{ Warnings []string }
	if err := json.Unmarshal([]byte(succeed(t, orders, "plan", "-", "-json")), &of); err != nil || len(of.Warnings) != 1 || !strings.HasPrefix(of.Warnings[0], warning) {
		t.Errorf("the JSON warns %q, %v", of.Warnings, err)
	}
}

func TestBootstrap(t *testing.T) {
	alone(t) // it needs no AWS
	want := `-- Run this once as a superuser in database exampledb of cluster examplecluster.
-- The user has no password: only temporary credentials let it in.
CREATE USER "sluice" PASSWORD DISABLE;
GRANT CREATE ON DATABASE "exampledb" TO "sluice";
CREATE ROLE "sluice_catalog";
GRANT ACCESS SYSTEM TABLE TO ROLE "sluice_catalog";
GRANT ROLE "sluice_catalog" TO "sluice";
`
	if out := succeed(t, "", "bootstrap", "analytics"); out != want {
		t.Errorf("it prints\n%s\nwant\n%s", out, want)
	}
	out, errs, code := run(t, "", "bootstrap", "finance")
	if code != exitFailed || out != "" {
		t.Errorf("an unknown warehouse ends with %d and %q", code, out)
	}
	says(t, errs, "find warehouse for finance: WarehouseUnknown", stageFile, "remedy: write one that it declares: analytics")
}

// The warehouse's own user of the sandbox is as this SQL makes one, as far as PostgreSQL goes.
func TestBootstrapMakesTheSandboxsUser(t *testing.T) {
	w := start(t)
	conn, err := w.Warehouse.Session(t.Context(), "exampledb", "awsuser")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	data := redshiftdata.NewFromConfig(configured(w))
	for _, sql := range (warehouse.Federating{User: "another", Database: "exampledb"}).Bootstrap() {
		out, err := data.ExecuteStatement(t.Context(), &redshiftdata.ExecuteStatementInput{ClusterIdentifier: new("examplecluster"), Database: new("exampledb"),
			DbUser: new("awsuser"), Sql: new(strings.ReplaceAll(sql, warehouse.CatalogRole, "another_catalog"))})
		if err != nil {
			t.Fatal(err)
		}
		w.Clock.Settle()
		ended, err := data.DescribeStatement(t.Context(), &redshiftdata.DescribeStatementInput{Id: out.Id})
		if err != nil || ended.Status != "FINISHED" {
			t.Fatalf("%s: %+v, %v", sql, ended, err)
		}
	}
	is := func(user string) (rights string) {
		if err := conn.QueryRow(t.Context(), `SELECT concat_ws(' ', r, rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolpassword IS NULL,
			has_database_privilege(rolname, current_database(), 'CREATE'), pg_has_role(rolname, 'pg_monitor', 'USAGE'))
			FROM pg_authid LEFT JOIN (SELECT user_name, string_agg(role_name, ',') AS r FROM svv_user_grants GROUP BY 1) g ON user_name = rolname WHERE rolname = $1`, user).Scan(&rights); err != nil {
			t.Fatal(err)
		}
		return rights
	}
	if got, want := strings.Replace(is("another"), "another", "sluice", 1), is("sluice"); got != want || !strings.HasSuffix(want, "t t t t") {
		t.Errorf("the SQL makes %s; the sandbox has %s", got, want)
	}
}
