package endtoend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/rds"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
)

// asking are the tags of an instance that asks for its federation, and of which the configuration allows one.
func asking(more ...string) map[string]string {
	tags := map[string]string{federation.TagWarehouse: "analytics", federation.TagNetwork: "true", federation.TagGrant: "group:example_group", "data-class": "shareable"}
	for i := 0; i < len(more); i += 2 {
		tags[more[i]] = more[i+1]
	}
	return tags
}

// newSource is an instance that RDS announces.
func (f *federator) newSource(id string, tags map[string]string) {
	f.t.Helper()
	_, err := f.AddSource(f.t.Context(), world.Source{Identifier: id, Managed: true, Tags: tags, GroupTags: map[string]string{federation.TagIngress: federation.Allow}})
	f.must(err)
	f.must(f.FurnishSource(f.t.Context(), id, "CREATE TABLE stock (n integer); INSERT INTO stock VALUES (7)"))
}

func instanceARN(id string) string { return "arn:aws:rds:us-east-1:" + awshttp.Account + ":db:" + id }

// tag changes the tags of an instance, of which RDS tells nobody.
func (f *federator) tag(id string, keysAndValues ...string) {
	f.t.Helper()
	var tags []map[string]any
	for i := 0; i < len(keysAndValues); i += 2 {
		tags = append(tags, map[string]any{"Key": keysAndValues[i], "Value": keysAndValues[i+1]})
	}
	f.do("rds", "AddTagsToResource", map[string]any{"ResourceName": instanceARN(id), "Tags": tags})
}

// Instances ask for themselves by tags, and nobody has to send an event or to notice that one was lost.
func TestFederationByTag(t *testing.T) {
	t.Parallel()
	f := federating(t)
	f.ticks("Consumerreporting", true)
	before := f.snapshot("stock")
	f.run("created and deleted", createdAndDeleted)
	// Scenario 2
	f.run("told after its deletion", toldAfterItsDeletion)
	// Scenario 3
	f.run("never told", neverTold)
	f.run("tag taken away", tagTakenAway)
	f.run("tags changed", tagsChanged)
	// Scenario 38
	f.run("made again", madeAgain)
	f.run("wrong tags", wrongTags)
	if after := f.snapshot("stock"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

func createdAndDeleted(f *federator) {
	f.newSource("stock", asking())
	rec := f.reaches("stock", federation.Ready, "")
	if rec.Origin != federation.ByTag || rec.Wanted.Schema != "stock" {
		f.t.Errorf("the record is %+v", rec)
	}
	if got := f.read("SELECT n::text FROM stock.stock"); got != "7" {
		f.t.Errorf("a row reads %q", got)
	}
	f.must(f.RemoveSource(f.t.Context(), "stock"))
	rec = f.reaches("stock", federation.Removed, "")
	if told := f.told(event.FederationRemoved, "stock"); len(told) != 1 || told[0].Made.Role != rec.Made.RoleARN {
		f.t.Errorf("announced: %+v", told)
	}
}

func toldAfterItsDeletion(f *federator) {
	last := f.AWS.Calls().Last()
	for _, id := range []string{"RDS-EVENT-0003", "RDS-EVENT-0005"} {
		f.post(fmt.Sprintf(`{"version":"0","id":"1","detail-type":"RDS DB Instance Event","source":"aws.rds","account":%q,"time":%q,"region":"us-east-1","resources":[%q],
			"detail":{"EventCategories":["creation"],"SourceType":"DB_INSTANCE","SourceArn":%[3]q,"SourceIdentifier":"stock","EventID":%q}}`,
			awshttp.Account, f.Clock.Now().Format(time.RFC3339), instanceARN("stock"), id))
	}
	f.Clock.Settle()
	if calls := f.changed(last); len(calls) > 0 {
		f.t.Errorf("the functions called %v", calls)
	}
	if rec := f.record("stock"); rec.Phase != federation.Removed {
		f.t.Errorf("it is %s", rec.Phase)
	}
}

func neverTold(f *federator) {
	f.newSource("silent", nil)
	f.Clock.Settle()
	f.tag("silent", federation.TagWarehouse, "analytics", "data-class", "shareable", federation.TagNetwork, "true")
	f.pass(30 * time.Minute)
	if rec := f.record("silent"); rec.Generation > 0 {
		f.t.Errorf("somebody was told: %+v", rec)
	}
	f.sweeps(true)
	f.pass(15 * time.Minute)
	f.becomes("silent", federation.Ready, "", 5*time.Minute)
	f.sweeps(false)
	if swept := f.lines(f.provision, `"outcome":"Swept"`); len(swept) == 0 || !strings.Contains(swept[0], `"missed":["silent"]`) {
		f.t.Errorf("the sweep says %v", swept)
	}
	f.must(f.RemoveSource(f.t.Context(), "silent"))
	f.reaches("silent", federation.Removed, "")
}

// lines are those of a function's log that have a text in them.
func (f *federator) lines(of function, text string) (found []string) {
	for _, line := range f.Lambda.Logs(of.name) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

func tagTakenAway(f *federator) {
	f.newSource("leaving", asking())
	f.reaches("leaving", federation.Ready, "")
	f.do("rds", "RemoveTagsFromResource", map[string]any{"ResourceName": instanceARN("leaving"), "TagKeys": []string{federation.TagWarehouse}})
	f.sweep(0)
	f.reaches("leaving", federation.Removed, "")
	if s, err := f.Sources.Find("leaving"); err != nil || s == nil {
		f.t.Errorf("the source: %v", err)
	}
	f.tag("leaving", federation.TagWarehouse, "analytics")
	f.sweep(0)
	f.reaches("leaving", federation.Ready, "")
	f.must(f.RemoveSource(f.t.Context(), "leaving"))
	f.reaches("leaving", federation.Removed, "")
}

func tagsChanged(f *federator) {
	f.newSource("moving", asking())
	f.reaches("moving", federation.Ready, "")
	f.tag("moving", federation.TagSchema, "moved_here", federation.TagGrant, "user:temp_creds_user")
	f.sweep(0)
	f.reaches("moving", federation.Ready, "")
	if now := f.snapshot("moving"); !strings.Contains(now, "schema: moved_here <name>") || !strings.Contains(now, "usage: moved_here user temp_creds_user") || strings.Contains(now, "schema: <name>") || strings.Contains(now, "example_group") {
		f.t.Errorf("it is now:\n%s", now)
	}
	// What its tags do not have the right to ask for any more is not kept on their word.
	f.tag("moving", "data-class", "secret", federation.TagSchema, "moved_again")
	f.sweep(0)
	rec := f.becomes("moving", federation.Blocked, federation.SourceNotAllowed, time.Hour)
	f.refuses(rec, refusal{federation.SourceNotAllowed, []string{"moving"}, "sourceTags"})
	f.must(f.RemoveSource(f.t.Context(), "moving"))
	f.becomes("moving", federation.Removed, "", time.Hour)
}

func madeAgain(f *federator) {
	f.newSource("phoenix", asking())
	first := f.reaches("phoenix", federation.Ready, "").Made
	f.must(f.RDS.RemoveInstance(f.t.Context(), "phoenix"))
	f.must(f.Sources.Remove(f.t.Context(), "phoenix"))
	s, err := f.Sources.Add(f.t.Context(), sourceDatabase("phoenix"))
	f.must(err)
	f.must(f.FurnishSource(f.t.Context(), "phoenix", "CREATE TABLE stock (n integer); INSERT INTO stock VALUES (8)"))
	f.must(f.RDS.AddInstance(f.t.Context(), rds.Instance{Identifier: "phoenix", Address: "localhost", Port: s.Port(), Database: s.Database(), Master: s.Master(),
		MasterPassword: s.MasterPassword(), VPC: world.VPC, SecurityGroups: []string{"sg-phoenix"}, Tags: asking()}))
	second := f.reaches("phoenix", federation.Ready, "").Made
	if second.ResourceID == first.ResourceID {
		f.t.Errorf("it is still the resource %s", first.ResourceID)
	}
	if got := f.read("SELECT n::text FROM phoenix.stock"); got != "8" {
		f.t.Errorf("a row reads %q", got)
	}
	f.must(f.RemoveSource(f.t.Context(), "phoenix"))
	f.reaches("phoenix", federation.Removed, "")
}

// Tags that make no document are told to people, take nothing down, and count once they are corrected.
func wrongTags(f *federator) {
	f.newSource("typo", asking(federation.TagGrant, "example_group"))
	f.Clock.Settle()
	dead := f.deadLetters()
	if len(dead) != 1 || dead[0].reason != federation.TagsWrong || !strings.Contains(dead[0].message, "grantUsageTo[0]") {
		f.t.Fatalf("dead letters: %+v", dead)
	}
	f.tag("typo", federation.TagGrant, "group:example_group")
	f.command("redrive")
	f.reaches("typo", federation.Ready, "")
	if dead := f.deadLetters(); len(dead) > 0 {
		f.t.Errorf("dead letters: %+v", dead)
	}
	f.tag("typo", federation.TagGrant, "example_group")
	f.sweep(0)
	f.becomes("typo", federation.Ready, "", time.Minute)
	f.must(f.RemoveSource(f.t.Context(), "typo"))
	f.becomes("typo", federation.Removed, "", time.Hour)
	f.emptyDead()
}
