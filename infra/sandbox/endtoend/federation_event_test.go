package endtoend_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Events come twice, late, in the wrong order and at the wrong moment. What was asked for last is what there is in the end.
func TestFederationEvents(t *testing.T) {
	t.Parallel()
	f := federating(t)
	// Scenario 1
	f.run("twice at once", twiceAtOnce)
	// Scenario 39
	f.run("older than what is wanted", olderThanWanted)
	// Scenario 30
	f.run("withdrawn at once", withdrawnAtOnce)
	// Scenario 30
	f.run("withdrawn while it is provisioned", withdrawnWhileProvisioned)
	f.run("another document", anotherDocument)
	// Scenario 40
	f.run("the state is lost", stateIsLost)
	f.run("nothing to withdraw", nothingToWithdraw)
}

// posted is an event as the bus delivers it, sent to the queue: with the time that the test likes.
func (f *federator) posted(detailType string, at time.Time, detail any) {
	f.t.Helper()
	text, err := json.Marshal(detail)
	f.must(err)
	f.post(fmt.Sprintf(`{"version":"0","id":"1","detail-type":%q,"source":"test","account":%q,"time":%q,"region":"us-east-1","resources":[],"detail":%s}`,
		detailType, awshttp.Account, at.UTC().Format(time.RFC3339), text))
}

func twiceAtOnce(f *federator) {
	last, now := f.AWS.Calls().Last(), f.Clock.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { f.posted(event.SourceRequested, now, orders("twice")) })
	}
	all.Wait()
	f.reaches("twice", federation.Ready, "")
	calls := of(f.made(last))
	for _, operation := range []string{"CreateRole", "PutRolePolicy", "CreateSecret", "AuthorizeSecurityGroupIngress", "ModifyClusterIamRoles", "Invoke"} {
		if calls[operation] != 1 {
			f.t.Errorf("%s was called %d times", operation, calls[operation])
		}
	}
	if told := f.told(event.FederationReady, "twice"); len(told) != 1 {
		f.t.Errorf("announced %d times", len(told))
	}
	if dead := f.deadLetters(); len(dead) > 0 {
		f.t.Errorf("dead letters: %+v", dead)
	}
	f.gone("twice")
}

func olderThanWanted(f *federator) {
	f.request(orders("newer"))
	rec := f.reaches("newer", federation.Ready, "")
	before, hourAgo := f.snapshot("newer"), f.Clock.Now().Add(-time.Hour)
	f.posted(event.SourceWithdrawn, hourAgo, map[string]string{"name": "newer"})
	f.posted(event.SourceRequested, hourAgo, orders("newer", func(w *federation.Wanted) { w.Schema = "elsewhere" }))
	f.reaches("newer", federation.Ready, "")
	if after := f.snapshot("newer"); after != before {
		f.t.Errorf("an old event changed\n%s\nto\n%s", before, after)
	}
	if now := f.record("newer"); now.Generation != rec.Generation || now.Wanted.Schema != rec.Wanted.Schema {
		f.t.Errorf("the record is now %+v", now)
	}
	f.gone("newer")
	f.posted(event.SourceRequested, hourAgo, orders("newer"))
	f.Clock.Settle()
	if rec := f.record("newer"); rec.Phase != federation.Removed {
		f.t.Errorf("an old request has made it %s again", rec.Phase)
	}
}

func withdrawnAtOnce(f *federator) {
	before := f.snapshot("brief")
	for _, order := range [][]string{{event.SourceRequested, event.SourceWithdrawn}, {event.SourceWithdrawn, event.SourceRequested}} {
		now := f.Clock.Now().Truncate(time.Second)
		times := map[string]time.Time{event.SourceRequested: now, event.SourceWithdrawn: now.Add(time.Second)}
		for _, detailType := range order {
			f.posted(detailType, times[detailType], orders("brief"))
		}
		f.settle("brief")
		if rec := f.record("brief"); rec.Phase != federation.Removed {
			f.t.Errorf("%v: it is %s %s (%s)", order, rec.Phase, rec.Reason, rec.Message)
		}
		if after := f.snapshot("brief"); after != before {
			f.t.Errorf("%v: left behind:\n%s\nbefore:\n%s", order, after, before)
		}
	}
}

func withdrawnWhileProvisioned(f *federator) {
	before := f.snapshot("short")
	for _, after := range []time.Duration{0, 5 * time.Second, 9 * time.Second, 15 * time.Second, 40 * time.Second, 70 * time.Second, 75 * time.Second} {
		f.t.Run(after.String(), func(t *testing.T) {
			f := f.in(t)
			f.request(orders("short"))
			if after > 0 {
				f.pass(after)
			}
			f.withdraw("short")
			f.reaches("short", federation.Removed, "")
			if after := f.snapshot("short"); after != before {
				t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
			f.pass(20 * time.Minute)
			if rec := f.record("short"); rec.Phase != federation.Removed {
				t.Errorf("it came back: %s %s", rec.Phase, rec.Reason)
			}
		})
	}
}

// A document that has changed changes what differs, and what it does not ask for any more is taken back.
func anotherDocument(f *federator) {
	t := f.t
	f.sql("CREATE GROUP analysts")
	defer f.sql("DROP GROUP analysts")
	before := f.snapshot("altered")
	f.must(f.FurnishSource(t.Context(), world.Orders, "CREATE SCHEMA archive; CREATE TABLE archive.old_orders (n integer); INSERT INTO archive.old_orders VALUES (1)"))
	for _, tc := range []struct {
		name   string
		change func(*federation.Wanted)
		has    []string
		hasNot []string
	}{
		{name: "as it begins", change: func(*federation.Wanted) {}, has: []string{"schema: <name> orders", "usage: <name> group example_group"}},
		{name: "one more group", change: func(w *federation.Wanted) { w.GrantUsageTo = append(w.GrantUsageTo, "group:analysts") },
			has: []string{"usage: <name> group example_group", "usage: <name> group analysts"}},
		{name: "one group less", change: func(w *federation.Wanted) { w.GrantUsageTo = []warehouse.Grantee{"group:analysts"} },
			has: []string{"usage: <name> group analysts"}, hasNot: []string{"group example_group"}},
		{name: "nobody", change: func(w *federation.Wanted) { w.GrantUsageTo = nil }, has: []string{"schema: <name>"}, hasNot: []string{"usage:"}},
		{name: "another schema of the warehouse", change: func(w *federation.Wanted) { w.Schema = "renamed" },
			has: []string{"schema: renamed orders", "usage: renamed group example_group"}, hasNot: []string{"schema: <name>"}},
		{name: "another schema of the source", change: func(w *federation.Wanted) { w.Source.Schema = "archive" },
			has: []string{`"SCHEMA": "archive"`, "right: sluice_<name>_<hash> old_orders SELECT"}, hasNot: []string{"right: sluice_<name>_<hash> orders SELECT", "schema: renamed"}},
		{name: "an existing secret", change: func(w *federation.Wanted) { secretFor(f, "altered", w) },
			has: []string{"secret:team/<name>", "schema: <name> orders"}, hasNot: []string{"login:", "secret: sluice/"}},
		{name: "the network by others", change: func(w *federation.Wanted) { w.ManageIngress = false }, hasNot: []string{"rule: sg-0c1057e20000000001 0 map[sluice"}},
		{name: "a login of its own again", change: func(*federation.Wanted) {}, has: []string{"login: sluice_<name>_<hash>", "secret: sluice/", "rule:"}, hasNot: []string{"team/<name>"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := f.in(t)
			switch tc.name {
			case "an existing secret":
				f.reader("reader", "the right one", "md5")
				f.secretOf("team/altered", "reader", "the right one", serving(world.Orders))
			case "the network by others":
				everywhere := map[string]any{"GroupId": "sg-" + world.Orders, "IpPermissions": []map[string]any{{
					"IpProtocol": "tcp", "FromPort": f.sourcePort(), "ToPort": f.sourcePort(), "IpRanges": []map[string]any{{"CidrIp": "0.0.0.0/0"}},
				}}}
				f.do("ec2", "AuthorizeSecurityGroupIngress", everywhere)
				defer f.do("ec2", "RevokeSecurityGroupIngress", everywhere)
			}
			w := orders("altered", tc.change)
			f.request(w)
			f.Clock.Settle()
			rec := f.becomes("altered", federation.Ready, "", 20*time.Minute)
			if !rec.Wanted.Same(w) {
				t.Errorf("wanted is %+v", rec.Wanted)
			}
			snapshot := f.snapshot("altered")
			for _, part := range tc.has {
				if !strings.Contains(snapshot, part) {
					t.Errorf("there is no %q in\n%s", part, snapshot)
				}
			}
			for _, part := range tc.hasNot {
				if strings.Contains(snapshot, part) {
					t.Errorf("there is still %q in\n%s", part, snapshot)
				}
			}
			if n := strings.Count(snapshot, "role: "); n != 1 {
				t.Errorf("there are %d roles:\n%s", n, snapshot)
			}
		})
	}
	f.gone("altered")
	f.must(f.FurnishSource(t.Context(), world.Orders, "DROP SCHEMA archive CASCADE"))
	if after := f.snapshot("altered"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

func stateIsLost(f *federator) {
	f.request(orders("lost"))
	made := f.reaches("lost", federation.Ready, "").Made
	before := f.snapshot("lost")
	f.do("dynamodb", "DeleteItem", map[string]any{"TableName": tableName, "Key": map[string]any{"name": map[string]any{"S": "lost"}}})
	f.request(orders("lost"))
	again := f.reaches("lost", federation.Ready, "").Made
	if again.Secret != made.Secret || again.RoleARN != made.RoleARN || again.Login != made.Login {
		f.t.Errorf("it was %+v and is %+v", made, again)
	}
	if after := f.snapshot("lost"); after != before {
		f.t.Errorf("it is now:\n%s\nand was:\n%s", after, before)
	}
	f.gone("lost")
}

func nothingToWithdraw(f *federator) {
	before := f.snapshot("unknown")
	f.withdraw("unknown")
	f.Clock.Settle()
	if rec := f.record("unknown"); rec.Phase != federation.Removed || rec.Made.Begun { // so that a request which is older finds that it is
		f.t.Errorf("the record is %+v", rec)
	}
	if after := f.snapshot("unknown"); after != before {
		f.t.Errorf("left behind:\n%s", after)
	}
}
