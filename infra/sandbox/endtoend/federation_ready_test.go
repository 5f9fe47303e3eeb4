package endtoend_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
)

// condition is what a record says under a heading; empty if it does not have it.
func condition(rec federation.Record, kind string) string {
	i := slices.IndexFunc(rec.Conditions, func(c federation.Condition) bool { return c.Type == kind })
	if i < 0 {
		return ""
	}
	return rec.Conditions[i].Message
}

// A federation that works is ready; what people should know of it all the same is in its conditions.
func TestFederationConditions(t *testing.T) {
	t.Parallel()
	f := federating(t)
	f.ticks("Consumerreporting", true)
	before := f.snapshot("base")
	f.run("empty", emptySource)
	f.run("owners that are not covered", ownersUncovered)
	f.run("the master's own secret", masterAsSecret)
	f.run("an admin by name", adminByName)
	f.run("the network by others", networkByOthers)
	if after := f.snapshot("base"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// A schema without tables is ready, and what is made in it later is seen.
func emptySource(f *federator) {
	f.must(f.FurnishSource(f.t.Context(), world.Orders, "CREATE SCHEMA fresh"))
	f.request(orders("empty", func(w *federation.Wanted) { w.Source.Schema = "fresh" }))
	rec := f.reaches("empty", federation.Ready, "")
	if got := condition(rec, federation.CondEmpty); !strings.Contains(got, "fresh") {
		f.t.Errorf("the condition Empty says %q", got)
	}
	if told := f.told(event.FederationReady, "empty"); len(told) != 1 || !slices.Contains(told[0].Conditions, federation.CondEmpty) {
		f.t.Errorf("announced: %+v", told)
	}
	f.must(f.FurnishSource(f.t.Context(), world.Orders, "CREATE TABLE fresh.later (n integer); INSERT INTO fresh.later VALUES (42)"))
	f.sweep(time.Hour + time.Minute)
	rec = f.reaches("empty", federation.Ready, "")
	if got := condition(rec, federation.CondEmpty); got != "" {
		f.t.Errorf("the condition Empty still says %q", got)
	}
	if got := f.read("SELECT n::text FROM empty.later"); got != "42" {
		f.t.Errorf("a row of a table that was made later reads %q", got)
	}
	f.gone("empty")
	f.must(f.FurnishSource(f.t.Context(), world.Orders, "DROP SCHEMA fresh CASCADE"))
}

// Owners for whom the admin cannot act are named: what they make later stays invisible until they grant it.
func ownersUncovered(f *federator) {
	f.atSource("CREATE ROLE warehouse_team; GRANT CREATE, USAGE ON SCHEMA public TO warehouse_team; SET ROLE warehouse_team; CREATE TABLE public.shelves (n integer); RESET ROLE")
	f.request(orders("uncovered"))
	rec := f.reaches("uncovered", federation.Ready, "")
	if got := condition(rec, federation.CondUncovered); !strings.Contains(got, "warehouse_team") || strings.Contains(got, "orders_prod_master") {
		f.t.Errorf("the condition OwnersUncovered says %q", got)
	}
	if out := f.command("status", "uncovered"); !strings.Contains(out, "warehouse_team") {
		f.t.Errorf("sluice status says:\n%s", out)
	}
	f.gone("uncovered")
	f.atSource("DROP OWNED BY warehouse_team; DROP ROLE warehouse_team")
}

// The master's secret can be read as it is, which is said, and after RDS has rotated it too.
func masterAsSecret(f *federator) {
	f.request(orders("asmaster", func(w *federation.Wanted) { w.Credentials.Secret = f.masterSecret(world.Orders) }))
	rec := f.reaches("asmaster", federation.Ready, "")
	if got := condition(rec, federation.CondMaster); !strings.Contains(got, "credentials.admin") {
		f.t.Errorf("the condition MasterLogin says %q", got)
	}
	if now := f.snapshot("asmaster"); strings.Contains(now, "login:") || strings.Contains(now, "secret: ") {
		f.t.Errorf("there is a login of its own:\n%s", now)
	}
	f.must(f.RotateMaster(f.t.Context(), world.Orders))
	if got := f.read("SELECT count(*)::text FROM asmaster.orders"); got != "9" {
		f.t.Errorf("after a rotation %s rows are read", got)
	}
	f.gone("asmaster")
	if _, err := f.AWS.Do(f.t.Context(), operator, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": f.masterSecret(world.Orders)}); err != nil {
		f.t.Errorf("the secret that RDS manages: %v", err)
	}
}

// Another admin than the master may make the login, if its secret says that it serves the source.
func adminByName(f *federator) {
	f.atSource("CREATE ROLE keeper LOGIN CREATEROLE IN ROLE orders_prod_master; SET password_encryption = 'md5'; ALTER ROLE keeper PASSWORD 'of the keeper of logins'")
	admin := f.secretOf("team/keeper", "keeper", "of the keeper of logins", serving(world.Orders))
	f.request(orders("kept", func(w *federation.Wanted) { w.Credentials.Admin = admin }))
	rec := f.reaches("kept", federation.Ready, "")
	if rec.Made.Admin != admin {
		f.t.Errorf("the admin is %s", rec.Made.Admin)
	}
	f.gone("kept")
	f.atSource("DROP OWNED BY keeper; DROP ROLE keeper")
}

// A rule of others that lets the cluster in is used, named, and left where it is.
func networkByOthers(f *federator) {
	f.byHand("AuthorizeSecurityGroupIngress")
	f.request(orders("opened"))
	rec := f.reaches("opened", federation.Ready, "")
	if got := condition(rec, federation.CondOpened); !strings.Contains(got, "sg-orders-prod") {
		f.t.Errorf("the condition IngressOpenedBy says %q", got)
	}
	f.gone("opened")
	if rules := f.EC2.Rules("sg-" + world.Orders); len(rules) != 1 || len(rules[0].Tags) > 0 {
		f.t.Errorf("the rules are now %+v", rules)
	}
	f.byHand("RevokeSecurityGroupIngress")
}
