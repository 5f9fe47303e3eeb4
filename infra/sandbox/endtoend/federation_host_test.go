package endtoend_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
	wanted "github.com/sluicehq/sluice/shared/source"
)

// A source outside RDS is named by its address. The configuration must list it, and the tag of its admin's secret say that it
// serves this address; the rest is as with an instance.
func TestFederationOfAHost(t *testing.T) {
	t.Parallel()
	f := federating(t)
	ledger, err := f.AddSource(t.Context(), world.Source{Identifier: "ledger", Open: true})
	f.must(err)
	f.must(f.FurnishSource(t.Context(), "ledger", "CREATE TABLE public.accounts (n integer); INSERT INTO public.accounts VALUES (7)"))
	f.Clock.Settle() // of the instance's creation, which no tag makes a federation
	before := f.snapshot("base")

	address := net.JoinHostPort(source.Host, strconv.Itoa(ledger.Port()))
	byAddress := func(name, admin string) federation.Wanted {
		return orders(name, func(w *federation.Wanted) {
			w.Source = wanted.Source{Engine: wanted.Postgres, Host: source.Host, Port: ledger.Port(), Database: ledger.Database()}
			w.Credentials.Admin, w.ManageIngress = admin, false
		})
	}
	password := ledger.MasterPassword().Reveal()
	another := f.secretOf("team/another", ledger.Master(), password, serving("elsewhere.example.com:5432"))
	admin := f.secretOf("team/ledger", ledger.Master(), password, serving(address))

	f.request(byAddress("ledger", admin))
	f.refuses(f.reaches("ledger", federation.Blocked, federation.HostNotListed),
		refusal{reason: federation.HostNotListed, says: []string{address, "is not listed"}, remedy: "federation.hosts"})
	f.allowHost(address)
	f.request(byAddress("ledger", another))
	f.refuses(f.reaches("ledger", federation.Blocked, federation.SecretNotServing),
		refusal{reason: federation.SecretNotServing, says: []string{another, address}, remedy: "tag it with " + federation.TagSource + " = " + address})

	f.request(byAddress("ledger", admin))
	rec := f.reaches("ledger", federation.Ready, "")
	if rec.Made.Endpoint.Host != source.Host || rec.Made.Endpoint.Port != ledger.Port() || rec.Made.Ingress {
		t.Errorf("made: %+v", rec.Made)
	}
	if got := f.read("SELECT n::text FROM ledger.accounts"); got != "7" {
		t.Errorf("a row of the host reads %q", got)
	}
	if kept := f.value(rec.Made.Secret); kept["host"] != source.Host || kept["dbInstanceIdentifier"] != nil {
		t.Errorf("the login's secret names %v and the instance %v", kept["host"], kept["dbInstanceIdentifier"])
	}
	f.gone("ledger")
	for _, id := range []string{admin, another} {
		f.do("secretsmanager", "DeleteSecret", map[string]any{"SecretId": id, "ForceDeleteWithoutRecovery": true})
	}
	f.pass(15 * time.Minute) // old follow-ups
	if after := f.snapshot("base"); after != before {
		t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
	}
}

// allowHost changes what provision was deployed with, as a deployment with another configuration does: the warehouse may have the
// source at an address outside RDS.
func (f *federator) allowHost(address string) {
	f.t.Helper()
	function := map[string]any{"FunctionName": f.provision.name}
	environment, _ := f.do("lambda", "GetFunctionConfiguration", function)["Environment"].(map[string]any)
	variables, _ := environment["Variables"].(map[string]any)
	var allowed map[string]any
	f.must(json.Unmarshal([]byte(fmt.Sprint(variables["SLUICE_FEDERATION"])), &allowed))
	allowed["hosts"] = []string{address}
	analytics := allowed["warehouses"].(map[string]any)["analytics"].(map[string]any)
	analytics["sources"] = append(analytics["sources"].([]any), address)
	text, err := json.Marshal(allowed)
	f.must(err)
	variables["SLUICE_FEDERATION"] = string(text)
	function["Environment"] = environment
	f.do("lambda", "UpdateFunctionConfiguration", function)
}

// value is what a secret holds now, without the password.
func (f *federator) value(id string) map[string]any {
	f.t.Helper()
	var value map[string]any
	text := fmt.Sprint(f.do("secretsmanager", "GetSecretValue", map[string]any{"SecretId": id})["SecretString"])
	f.must(json.Unmarshal([]byte(text), &value))
	delete(value, "password")
	return value
}
