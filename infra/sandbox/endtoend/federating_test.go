package endtoend_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awsstate"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

const tableName, workQueue, deadQueue = "sluice-sandbox", "sluice-sandbox-work", "sluice-sandbox-dead"

// A federator is a stage with the ready-made source.
type federator struct {
	*stage
	provision, login function
	state            *awsstate.Store
}

// federating deploys a stage with the source orders-prod. No lease is looked at in it, and nothing sweeps: what happens
// comes of events and follow-ups alone.
func federating(t *testing.T) *federator {
	t.Helper()
	s := startIn(t, true)
	f := &federator{stage: s, provision: s.function("Provision"), login: s.function("Login")}
	f.state = awsstate.New(dynamodb.NewFromConfig(s.aws), tableName)
	s.ticks("Consumerreporting", false)
	s.ticks("Consumeringest", false)
	f.sweeps(false)
	return f
}

// in is the same stage for a subtest.
func (f *federator) in(t *testing.T) *federator {
	c := *f
	c.stage = f.stage.in(t)
	return &c
}

// sweeps turns the sweep on or off.
func (f *federator) sweeps(on bool) { f.ticks("Sweep", on) }

// orders asks for the ready-made source as a federation of that name, with whatever is changed of it.
func orders(name string, change ...func(*federation.Wanted)) federation.Wanted {
	w := federation.Wanted{
		Name: name, Warehouse: "analytics",
		Source: source.Source{Engine: source.Postgres, Instance: world.Orders, Database: world.OrdersDatabase},
		Schema: strings.ReplaceAll(name, "-", "_"), GrantUsageTo: []warehouse.Grantee{"group:" + world.Group}, ManageIngress: true,
	}
	for _, c := range change {
		c(&w)
	}
	return w
}

// send puts an event on Sluice's bus, as the operator.
func (f *federator) send(detailType string, detail any) {
	f.t.Helper()
	text, err := json.Marshal(detail)
	f.must(err)
	out, err := eventbridge.NewFromConfig(f.aws).PutEvents(f.t.Context(), &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: new(busName), Source: new("test"), DetailType: &detailType, Detail: new(string(text)),
	}}})
	f.must(err)
	if out.FailedEntryCount > 0 {
		f.t.Fatalf("event not taken: %+v", out.Entries)
	}
}

func (f *federator) request(w federation.Wanted) { f.t.Helper(); f.send(event.SourceRequested, w) }

func (f *federator) withdraw(name string) {
	f.t.Helper()
	f.send(event.SourceWithdrawn, map[string]string{"name": name})
}

// record is the state of a federation.
func (f *federator) record(name string) federation.Record {
	f.t.Helper()
	rec, _, _, err := f.state.Get(f.t.Context(), name)
	f.must(err)
	return rec
}

// lasting are the phases in which nothing more happens by itself.
var lasting = []federation.Phase{federation.Ready, federation.Removed, federation.Blocked}

// settle lets time go by until a federation rests, and says where.
func (f *federator) settle(name string) federation.Record {
	f.t.Helper()
	return f.settleWithin(name, time.Hour)
}

func (f *federator) settleWithin(name string, most time.Duration) federation.Record {
	f.t.Helper()
	const step = 20 * time.Second
	f.Clock.Settle()
	for passed := time.Duration(0); passed < most; passed += step {
		if rec := f.record(name); slices.Contains(lasting, rec.Phase) && rec.Claim == nil && len(f.SQS.Messages(workQueue)) == 0 {
			return rec
		}
		f.pass(step)
	}
	return f.record(name)
}

// reaches checks the phase, and the reason if there is one.
func (f *federator) reaches(name string, phase federation.Phase, reason string) federation.Record {
	f.t.Helper()
	rec := f.settle(name)
	if rec.Phase != phase || rec.Reason != reason {
		f.t.Fatalf("federation %s is %s %s (%s) at step %q; want %s %s\n%s", name, rec.Phase, rec.Reason, rec.Message, rec.At, phase, reason, f.lastWords())
	}
	return rec
}

// lastWords are the ends of the functions' logs, for a test that fails.
func (f *federator) lastWords() string {
	var b strings.Builder
	for _, fn := range []function{f.provision, f.login} {
		lines := f.Lambda.Logs(fn.name)
		for _, line := range lines[max(0, len(lines)-25):] {
			if !strings.Contains(line, `"platform.`) {
				fmt.Fprintln(&b, line)
			}
		}
	}
	return b.String()
}

// sent are the calls of provision and login since the one with the given number.
func (f *federator) made(after uint64) []awshttp.Record {
	return slices.Concat(f.calls(f.provision, after), f.calls(f.login, after))
}
