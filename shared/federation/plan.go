package federation

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Plan is what would be made for a wanted document. Nothing is changed to find it out.
type Plan struct {
	Made     Made     `json:"made"`     // without the endpoint where RDS does not tell it
	Trust    string   `json:"trust"`    // of the role: JSON
	Policy   string   `json:"policy"`   // of the role: JSON
	Boundary string   `json:"boundary"` // ARN
	SQL      []string `json:"sql"`      // in the warehouse, in order
	Waits    string   `json:"waits,omitempty"`
	Warnings []string `json:"warnings,omitempty"` // conditions that it would have from the beginning
	Refusal  error    `json:"-"`                  // the first reason for which it would be blocked now; nil if none is seen
}

// suffixUnknown stands for the six characters that Secrets Manager will put behind the name of a new secret.
const suffixUnknown = "-??????"

// endpointUnknown stands for the address of an instance that RDS does not tell. No host is called so.
const endpointUnknown = "?"

// Plan looks at the world as the first step would, and says what the others would make.
func (r *Reconciler) Plan(ctx context.Context, w Wanted) (Plan, error) {
	w = w.complete()
	run := &run{Reconciler: r, rec: Record{Name: w.Name, Wanted: w, Origin: ByRequest, Generation: 1}}
	run.rec.Made = r.plan(w, r.Warehouses[w.Warehouse].Cluster)
	p := Plan{Trust: Trust(), Boundary: r.Boundary}
	waits, err := run.preflight(ctx)
	if err != nil {
		p.Refusal = err
	}
	if waits != nil {
		p.Waits = fmt.Sprintf("%s: %s", waits.reason, waits.message)
	}
	for _, c := range run.rec.Conditions {
		p.Warnings = append(p.Warnings, c.Type+": "+c.Message)
	}
	m := &run.rec.Made
	if err == nil && run.named != nil {
		p.Refusal = run.keyOf(ctx, run.named.Key)
	}
	if m.Secret == "" {
		m.Secret = fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:%s%s", r.Place.Partition, r.Place.Region, r.Place.Account, m.SecretName, suffixUnknown)
		m.Key = r.Key
	}
	if m.Endpoint.Host == "" { // the first step did not come to it
		if db, found, err := run.lookUp(ctx, w.Source); err == nil && found && db.Host != "" {
			m.Endpoint = db.Endpoint
		}
	}
	p.Policy = Policy(r.Profile, r.Place, m.Secret, m.Key)
	create := run.wantedSchema()
	if m.Endpoint.Host == "" {
		create.Host, create.Port, create.Database, create.RemoteSchema = endpointUnknown, 0, w.Source.Database, w.Source.Schema
	}
	p.SQL = append(p.SQL, strings.Replace(create.Create(), "'"+endpointUnknown+"' PORT 0", "'…' PORT …", 1))
	if len(w.GrantUsageTo) > 0 {
		p.SQL = append(p.SQL, warehouse.Grant(w.Schema, w.GrantUsageTo))
	}
	p.SQL = append(p.SQL, warehouse.Tables(w.Schema))
	p.Made = *m
	return p, nil
}
