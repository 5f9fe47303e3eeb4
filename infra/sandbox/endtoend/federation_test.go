package endtoend_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// place is where the sandbox's stage is.
var place = warehouse.PlaceIn("111122223333", "us-east-1")

// TestFederationFromRequestToRemoval goes the way of a team: ask, read, ask again, withdraw.
//
// Scenarios 1, 22: the second request.
func TestFederationFromRequestToRemoval(t *testing.T) {
	t.Parallel()
	f := federating(t)
	before := f.snapshot("live")
	last := f.AWS.Calls().Last()
	f.request(orders("live"))
	f.reaches("live", federation.Ready, "")
	if n := withoutPolls(f.made(last)); n > 40 {
		t.Errorf("%d calls to Ready", n)
	}

	f.must(f.FurnishSource(t.Context(), world.Orders, "INSERT INTO orders VALUES (1000, 1, 2, 4, 'written today', now())"))
	if got := f.read("SELECT o.note || ' at ' || v.venuename FROM live.orders o JOIN venue v USING (venueid) WHERE orderid = 1000"); got != "written today at Canal Stage" {
		t.Errorf("a join through the schema reads %q", got)
	}

	last = f.AWS.Calls().Last()
	f.request(orders("live"))
	f.reaches("live", federation.Ready, "")
	calls := f.made(last)
	for _, c := range calls {
		if !slices.ContainsFunc([]string{"Get", "Describe", "ExecuteStatement"}, func(p string) bool { return strings.HasPrefix(c.Operation, p) }) && c.Service != "dynamodb" {
			t.Errorf("a repeat that changes nothing calls %s", c.Operation)
		}
	}
	if n := withoutPolls(calls); n > 10 {
		t.Errorf("a repeat that changes nothing makes %d calls", n)
	}

	f.withdraw("live")
	f.reaches("live", federation.Removed, "")
	if after := f.snapshot("live"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// read is the one value that a query answers, in a session of a member of the group with a lease.
func (f *federator) read(query string) (value string) {
	f.t.Helper()
	conn, err := f.open(f.stage.read(f.reporting))
	f.must(err)
	defer func() { _ = conn.Close(f.t.Context()) }()
	f.must(conn.QueryRow(f.t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(&value))
	return value
}

// withoutPolls counts calls without those that a slow machine adds: rows that were asked for before they were there, and all looks
// at a statement but one.
func withoutPolls(calls []awshttp.Record) int {
	begun, looks, early := 0, 0, 0
	for _, c := range calls {
		switch {
		case c.Operation == "ExecuteStatement":
			begun++
		case c.Operation == "DescribeStatement":
			looks++
		case c.Operation == "GetStatementResult" && c.Code != "":
			early++ // and a look follows, which would not have been needed
		}
	}
	return len(calls) - 2*early - max(looks-early-begun, 0)
}
