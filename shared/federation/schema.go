package federation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Purposes of statements, by which a run finds the one that it left running.
const (
	lookPurpose   = "look at schema"
	createPurpose = "create schema"
	dropPurpose   = "drop schema"
	provePurpose  = "prove by " // and by what
)

// wantedSchema is the schema that the warehouse shall have.
func (r *run) wantedSchema() warehouse.ExternalSchema {
	m := r.rec.Made
	return warehouse.ExternalSchema{
		Name: r.rec.Wanted.Schema, Database: m.Endpoint.Database, RemoteSchema: m.Endpoint.Schema, Host: m.Endpoint.Host, Port: m.Endpoint.Port,
		Role: m.RoleARN, Secret: m.Secret,
	}
}

// externalSchema makes the external schema, or makes it anew where its definition is another.
func (r *run) externalSchema(ctx context.Context) (*wait, error) {
	if _, w, err := r.available(ctx); w != nil || err != nil {
		return w, err
	}
	want := r.wantedSchema()
	if warehouse.Folded(want.Database) { // RDS has named it; a document could not
		return nil, r.blocked("make schema", warehouse.DatabaseMissing, "name a database with a lower-case name in the request",
			fmt.Errorf("the warehouse reads the name of database %s in lower case, and the source has none of that name", want.Database))
	}
	there := r.rec.Statement != nil && r.rec.Statement.Purpose != createPurpose // an earlier run found something
	if !r.rec.Made.SchemaReady && !there {                                      // most likely not there: make it, and look only if it is
		w, err := r.create(ctx, want)
		if fault.ReasonOf(err) != warehouse.SchemaTaken {
			return w, err
		}
	}
	s, w, err := r.look(ctx, want.Name)
	if w != nil || err != nil {
		return w, err
	}
	switch {
	case !s.Exists:
		return r.create(ctx, want)
	case !s.Postgres || s.Is.Role != want.Role: // not ours: ours have our role
		return nil, r.taken(s)
	case s.Fits(want):
		r.rec.Made.SchemaReady, r.rec.Made.Unlike = true, ""
		return nil, nil
	}
	unlike := fmt.Sprintf("%v, not %v", s.Is, want)
	if r.rec.Made.SchemaReady && r.rec.Made.Unlike == unlike { // as it was made, so that it is the telling that differs
		r.Log.WarnContext(ctx, "the warehouse tells of a schema otherwise than it was made", "federation", r.rec.Name, "schema", want.Name, "difference", unlike)
		return nil, nil
	}
	r.Log.WarnContext(ctx, "schema is made anew", "federation", r.rec.Name, "schema", want.Name, "host", s.Is.Host, "wanted", want.Host)
	if err := r.keep(ctx, s); err != nil {
		return nil, err
	}
	w, err = r.tell(ctx, dropPurpose, warehouse.DropSchema(want.Name))
	if fault.ReasonOf(err) == warehouse.Dependents {
		r.rec.Made.Kept, r.rec.Made.SchemaReady = nil, true // it is still there, with its grants
	}
	if w != nil || err != nil {
		return w, err
	}
	r.rec.Made.Unlike = unlike
	return r.create(ctx, want)
}

// keep notes who has usage of a schema that is dropped and made anew, but for those to whom Sluice gave it. It is stored before
// the schema is dropped, because nothing else knows it afterwards.
func (r *run) keep(ctx context.Context, s *warehouse.Schema) error {
	var others []warehouse.Grantee
	for _, g := range slices.Sorted(maps.Keys(s.Usage)) {
		if !slices.Contains(r.rec.Made.Grants, g) {
			others = append(others, g)
		}
	}
	if r.rec.Made.SchemaReady {
		r.rec.Made.Kept = others
	} else { // it was dropped before, and the grants were not given back yet
		r.rec.Made.Kept = union(r.rec.Made.Kept, others)
	}
	r.rec.Made.SchemaReady = false
	if len(r.rec.Made.Kept) > 0 {
		r.saved = false
	}
	return r.act(ctx)
}

func (r *run) create(ctx context.Context, want warehouse.ExternalSchema) (*wait, error) {
	w, err := r.tell(ctx, createPurpose, want.Create())
	if w != nil || err != nil {
		return w, err
	}
	r.rec.Made.SchemaReady, r.rec.Proved = true, r.began.AddDate(-1, 0, 0)
	r.schema = &warehouse.Schema{Exists: true, External: true, Postgres: true, Is: want}
	return nil, nil
}

func (r *run) taken(s *warehouse.Schema) error {
	whose := "a schema of the warehouse itself"
	switch {
	case s.Postgres && strings.HasPrefix(s.Is.Role, r.RoleARN("")): // it is in use: to drop it would break that federation
		return r.blocked("make schema", warehouse.SchemaTaken, "choose another schema name, or withdraw the federation that has this one",
			fmt.Errorf("schema %s belongs to another federation of this stage, which reads with role %s", r.rec.Wanted.Schema, s.Is.Role))
	case s.Postgres:
		whose = "an external schema that reads with role " + s.Is.Role
	case s.External:
		whose = "an external schema of another kind"
	}
	return r.blocked("make schema", warehouse.SchemaTaken, "choose another schema name, or drop that schema",
		fmt.Errorf("schema %s is there and is not Sluice's: it is %s", r.rec.Wanted.Schema, whose))
}

// look asks the warehouse what a schema is, once a run.
func (r *run) look(ctx context.Context, name string) (*warehouse.Schema, *wait, error) {
	if r.schema != nil {
		return r.schema, nil, nil
	}
	rows, w, err := r.ask(ctx, lookPurpose, warehouse.Look(name))
	if w != nil || err != nil {
		return nil, w, err
	}
	s, err := warehouse.ReadSchema(name, rows)
	if err != nil {
		return nil, nil, &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "look at schema", Subject: "federation " + r.rec.Name, Err: err, Fix: "report this message"}
	}
	r.schema = &s
	return &s, nil, nil
}

// lost are refusals of our own login that say that it is not as it was left: its password or its rights. For a user that is not
// there a source asks as for one with its own kind of verifier, which is SCRAM most often.
var lost = []string{warehouse.PasswordRefused, warehouse.ScramOnly, warehouse.StatementDenied}

// verify proves the federation by a query from end to end, unless it was proved not long ago.
func (r *run) verify(ctx context.Context) (*wait, error) {
	if !r.acted && r.now().Before(r.rec.Proved.Add(proofLife)) && r.rec.Phase == Ready {
		return nil, nil
	}
	empty, w, err := r.prove(ctx)
	if slices.Contains(lost, fault.ReasonOf(err)) && r.rec.Wanted.Credentials.Own() && r.relogins == 0 {
		r.rec.Made.LoginReady = false // see to it first, but not for ever
		r.relogins++
		return nil, errAgain
	}
	if err != nil {
		err = r.told(ctx, err)
	}
	if w != nil || err != nil {
		return w, err
	}
	r.rec.set(CondEmpty, empty, r.now())
	r.rec.Proved = r.now()
	return nil, nil
}

// told adds to the warehouse's own words what they leave out: the key, who denies, or both ends of the way that is closed.
func (r *run) told(ctx context.Context, err error) error {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch m := r.rec.Made; {
	case e.Reason == warehouse.SecretsUnreachable:
		return r.unanswered(ctx, e)
	case e.Reason == warehouse.NetworkClosed:
		from, to, besides := "the cluster", "the source", ""
		if c, err := r.lookAt(ctx, m.Cluster); err == nil && c != nil && len(c.SecurityGroups) > 0 {
			from = strings.Join(c.SecurityGroups, " or ")
			if lacks, err := r.lacksEndpoint(ctx, c); err == nil && lacks {
				besides = fmt.Sprintf("; besides, %s has no interface endpoint for %s", c.VPC, r.secretsService())
			}
		}
		if db, found, err := r.lookUp(ctx, r.rec.Wanted.Source); err == nil && found && len(db.SecurityGroups) > 0 {
			to = strings.Join(db.SecurityGroups, " or ")
		}
		return r.blocked(e.Op, e.Reason,
			fmt.Sprintf("let %s in at port %d of %s: inbound rule of the security group, routes between the VPCs, and enhanced VPC routing where they differ%s", from, m.Endpoint.Port, to, besides),
			fmt.Errorf("the cluster gets no connection to %s: %w", m.Endpoint, e.Err))
	case e.Reason == warehouse.StatementDenied: // by the source: in the warehouse the schema is ours
		return r.blocked(e.Op, e.Reason, fmt.Sprintf("let the login of secret %s read the tables of schema %s in the source", m.Secret, m.Endpoint.Schema), e.Err)
	case e.Reason == warehouse.KeyRefused && m.Key != "":
		return r.blocked(e.Op, e.Reason, fmt.Sprintf("let role %s decrypt with the key (kms:Decrypt) in the key's policy, and see that the key is enabled", m.RoleARN),
			fmt.Errorf("the secret's KMS key %s refuses the role: %w", m.Key, e.Err))
	}
	return err
}

// prove reads through the schema. empty says why no row can be read; it is no failure.
func (r *run) prove(ctx context.Context) (empty string, w *wait, err error) {
	const byRow = provePurpose + "a row"
	sql := ""
	if s := r.rec.Statement; s == nil || s.Purpose != byRow { // otherwise that is what still runs
		rows, w, err := r.ask(ctx, provePurpose+"tables", warehouse.Tables(r.rec.Wanted.Schema))
		if w != nil || err != nil {
			return "", w, err
		}
		if len(rows) == 0 || len(rows[0]) != 1 {
			r.rec.set(CondFolded, "", r.now())
			return "the login sees no table in schema " + r.rec.Made.Endpoint.Schema + " of the source", nil, nil
		}
		table := rows[0][0]
		if warehouse.Folded(table) { // that the source has shown it is what can be proved
			r.rec.set(CondFolded, fmt.Sprintf("no table has a name without upper-case letters: %s and the others can be read in sessions with enable_case_sensitive_identifier only", table), r.now())
			return "", nil, nil
		}
		r.rec.set(CondFolded, "", r.now())
		sql = warehouse.OneRow(r.rec.Wanted.Schema, table)
	}
	_, w, err = r.finish(ctx, byRow, sql, noToken)
	return "", w, err
}

// preflightDown looks whether SQL can be run in the warehouse, if there is anything to be taken down.
func (r *run) preflightDown(ctx context.Context) (*wait, error) {
	made := r.rec.Made
	if !made.Begun || made.Cluster == "" {
		return nil, nil
	}
	if _, ok := r.Warehouses[made.Warehouse]; !ok {
		return nil, r.blocked("check warehouse", WarehouseUnknown, "declare the warehouse again until all that was made in it is withdrawn",
			fmt.Errorf("warehouse %q, in which something was made, is not declared any more", made.Warehouse))
	}
	c, err := r.lookAt(ctx, made.Cluster)
	if err != nil || c == nil {
		return nil, err // a cluster that is gone took schema and roles with it
	}
	w, err := r.usable(made.Cluster, c)
	if fault.ReasonOf(err) == ClusterMissing { // it is being deleted
		return &wait{Waiting, ClusterChanging, "cluster " + made.Cluster + " is " + c.Status, busyWait}, nil
	}
	return w, err
}

// schemaDown drops the schema, if it is ours and nothing is built on it.
func (r *run) schemaDown(ctx context.Context) (*wait, error) {
	made := r.rec.Made
	if !made.Begun || made.Schema == "" || made.Cluster == "" {
		return nil, nil
	}
	if c, err := r.lookAt(ctx, made.Cluster); err != nil || c == nil {
		return nil, err
	}
	s, w, err := r.look(ctx, made.Schema)
	if w != nil || err != nil {
		return w, err
	}
	if !s.Postgres || s.Is.Role != made.RoleARN {
		r.rec.Made.SchemaReady = false
		return nil, nil
	}
	w, err = r.tell(ctx, dropPurpose, warehouse.DropSchema(made.Schema))
	if w != nil || err != nil {
		return w, err
	}
	r.rec.Made.SchemaReady, r.schema = false, nil
	return nil, nil
}
