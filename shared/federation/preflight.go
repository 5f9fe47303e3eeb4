package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Why a federation is refused or waits before anything is made.
const (
	WarehouseUnknown   = "WarehouseUnknown"   // the configuration declares no such warehouse for federation
	SourceNotAllowed   = "SourceNotAllowed"   // the warehouse's declaration names neither the source nor a tag of it
	HostNotListed      = "HostNotListed"      // the configuration lists no such host
	GranteeNotAllowed  = "GranteeNotAllowed"  // the warehouse's declaration does not let usage be given to them
	OtherAccount       = "OtherAccount"       // a secret is in another account or region
	SourceMissing      = "SourceMissing"      // RDS has no such instance
	SourceAway         = "SourceAway"         // the source takes no logins now
	EngineDiffers      = "EngineDiffers"      // the instance has another engine than the document says
	ClusterMissing     = "ClusterMissing"     // Redshift has no such cluster
	ClusterPaused      = "ClusterPaused"      // parked
	ClusterResizing    = "ClusterResizing"    // an operation that takes long
	ClusterMaintenance = "ClusterMaintenance" // in its maintenance window
	ClusterChanging    = "ClusterChanging"    // another operation
	ClusterBroken      = "ClusterBroken"      // it does not come back by itself
	RoleLimit          = "RoleLimit"          // the cluster has all the roles that it takes
)

// rolesWarning is the share of a cluster's roles from which a condition warns, in percent.
const rolesWarning = 80

// preflight looks whether the configuration allows what is wanted, and whether source and cluster are there.
func (r *run) preflight(ctx context.Context) (*wait, error) {
	if err := r.allowed(); err != nil {
		return nil, err
	}
	db, w, err := r.source(ctx)
	if w != nil || err != nil {
		return w, err
	}
	if r.rec.Made.Begun && r.rec.Made.ResourceID != "" && r.rec.Made.ResourceID != db.ResourceID {
		return nil, r.replaced(ctx)
	}
	cluster, w, err := r.available(ctx)
	if w != nil || err != nil {
		return w, err
	}
	r.rec.Made.ResourceID, r.rec.Made.Endpoint = db.ResourceID, db.Endpoint
	limit := r.gate().Limit()
	if _, attached := cluster.Roles[r.RoleARN(r.Role(r.rec.Wanted))]; !attached && len(cluster.Roles) >= limit {
		return nil, r.blocked("check roles", RoleLimit, "withdraw a source that is not needed, or detach a role",
			fmt.Errorf("cluster %s has %d of at most %d IAM roles", r.gate().Cluster, len(cluster.Roles), limit))
	}
	warning := ""
	if len(cluster.Roles)*100 >= limit*rolesWarning {
		warning = fmt.Sprintf("the cluster has %d of at most %d IAM roles", len(cluster.Roles), limit)
	}
	r.rec.set(CondRoles, warning, r.now())
	if err := r.routed(ctx, cluster); err != nil {
		return nil, err
	}
	return r.vouched(ctx, db)
}

// replacing comes before what was made is taken down for another document: one that is refused, or whose source or cluster is away,
// leaves what was made as it is, and working.
func (r *run) replacing(ctx context.Context) (*wait, error) {
	if r.rec.Withdrawn || r.rec.Made.Gone {
		return nil, nil
	}
	if err := r.allowed(); err != nil {
		return nil, err
	}
	db, w, err := r.source(ctx)
	if w != nil || err != nil {
		return w, err
	}
	if _, w, err := r.available(ctx); w != nil || err != nil {
		return w, err
	}
	return r.vouched(ctx, db)
}

// gate is the declaration of the wanted warehouse.
func (r *run) gate() warehouse.Federating { return r.Warehouses[r.rec.Wanted.Warehouse] }

// allowed checks what the configuration alone decides.
func (r *run) allowed() error { return r.Allows(r.rec.Wanted) }

// Allows is the first reason for which the configuration alone refuses w, or nil. Whether a tag of the source's lets it in is seen
// in RDS only.
func (c Config) Allows(w Wanted) error {
	r := run{rec: Record{Name: w.Name}}
	gate, ok := c.Warehouses[w.Warehouse]
	if !ok {
		return r.blocked("check warehouse", WarehouseUnknown, "declare the warehouse under federation in the configuration, or correct its name",
			fmt.Errorf("no warehouse %q is declared for federation", w.Warehouse))
	}
	if w.Source.Host != "" && !slices.Contains(c.Hosts, w.Source.ID()) {
		return r.blocked("check host", HostNotListed, "add the host to federation.hosts in the configuration", fmt.Errorf("host %s is not listed", w.Source.ID()))
	}
	for _, arn := range []string{w.Credentials.Secret, w.Credentials.Admin} {
		if part := strings.Split(arn, ":"); arn != "" && (part[4] != c.Place.Account || part[3] != c.Place.Region) {
			return r.blocked("check secret", OtherAccount, "use a secret of this account and region",
				fmt.Errorf("secret %s is in account %s, region %s; this deployment serves account %s, region %s", arn, part[4], part[3], c.Place.Account, c.Place.Region))
		}
	}
	for _, g := range w.GrantUsageTo {
		if !gate.AllowsGrantee(g) {
			return r.blocked("check grantees", GranteeNotAllowed, "add it to the warehouse's grantees in the configuration, or leave it out of grantUsageTo",
				fmt.Errorf("%s is not allowed in warehouse %s", g, w.Warehouse))
		}
	}
	return nil
}

// source is the wanted source as it is now, if the warehouse may have it.
func (r *run) source(ctx context.Context) (source.Database, *wait, error) {
	w := r.rec.Wanted
	if w.Source.Host != "" {
		if !r.gate().AllowsSource(w.Source.ID(), nil) {
			return source.Database{}, nil, r.notAllowed()
		}
		return hostDatabase(w.Source), nil, nil
	}
	db, found, err := r.lookUp(ctx, w.Source)
	switch {
	case err != nil:
		return db, nil, err
	case r.rec.Origin == ByTag && !(found && r.tagged(db)):
		return db, nil, r.withdrawn(ctx) // nobody asks for it any more
	case !found:
		return db, nil, r.blocked("find source", SourceMissing, "correct the instance's identifier, or withdraw the source if the instance is gone",
			fmt.Errorf("RDS has no instance %s", w.Source.Instance))
	case !r.gate().AllowsSource(w.Source.ID(), db.Tags):
		return db, nil, r.notAllowed()
	case db.Engine != w.Source.Engine:
		return db, nil, r.blocked("check source", EngineDiffers, "correct the engine in the document", fmt.Errorf("instance %s has the engine %s, not %s", w.Source.Instance, db.Engine, w.Source.Engine))
	case strings.HasPrefix(db.Status, "stop"):
		return db, &wait{Parked, SourceAway, "the instance is " + db.Status, parkedWait}, nil
	case !db.Answers():
		return db, &wait{Waiting, SourceAway, "the instance is " + db.Status, sourceWait}, nil
	}
	return db, nil, nil
}

// tagged reports whether the tags of an instance still ask for this federation. Tags that say nothing sensible take nothing down.
func (r *run) tagged(db source.Database) bool {
	if db.Tags[TagWarehouse] == "" {
		return false
	}
	w, err := FromTags(r.rec.Wanted.Source.Instance, db)
	return err != nil || w.Name == r.rec.Name
}

func (r *run) notAllowed() error {
	return r.blocked("check source", SourceNotAllowed, "add the source to the warehouse's sources in the configuration, or one of its tags to sourceTags",
		fmt.Errorf("source %s is not allowed in warehouse %s", r.rec.Wanted.Source.ID(), r.rec.Wanted.Warehouse))
}

// lookUp asks RDS once a run.
func (r *run) lookUp(ctx context.Context, s source.Source) (source.Database, bool, error) {
	if db, known := r.databases[s]; known {
		return db, true, nil
	}
	if s.Host != "" {
		return hostDatabase(s), true, nil
	}
	db, found, err := r.Databases.Instance(ctx, s.Instance)
	if err != nil || !found {
		return db, false, err
	}
	if s.Database != "" {
		db.Database = s.Database
	}
	db.Schema = s.Complete().Schema
	if r.databases == nil {
		r.databases = make(map[source.Source]source.Database)
	}
	r.databases[s] = db
	return db, true, nil
}

func hostDatabase(s source.Source) source.Database {
	s = s.Complete()
	return source.Database{
		Endpoint: source.Endpoint{Host: s.Host, Port: s.Port, Database: s.Database, Schema: s.Schema}, Engine: s.Engine, ResourceID: s.ID(), Status: "available",
	}
}

// withdrawn makes the record one that comes down.
func (r *run) withdrawn(ctx context.Context) error {
	now := r.now()
	if now.Before(r.rec.WantedAt) { // by another's clock
		now = r.rec.WantedAt
	}
	r.rec.want(r.rec.Wanted, true, ByTag, now)
	r.acted = true
	r.rec.Claim = r.claim(r.by, r.now())
	if err := r.put(ctx); err != nil && !errors.Is(err, errAgain) {
		return err
	}
	r.saved = true
	return errAgain
}

// replaced takes down what was made for a database that was deleted and made again under the same name.
func (r *run) replaced(ctx context.Context) error {
	r.rec.Made.Gone = true
	if err := r.act(ctx); err != nil {
		return err
	}
	return errAgain
}

// lookAt asks Redshift once a run.
func (r *run) lookAt(ctx context.Context, id string) (*Cluster, error) {
	if r.cluster != nil && r.clusterID == id {
		return r.cluster, nil
	}
	c, found, err := r.Clusters.Cluster(ctx, id)
	if err != nil || !found {
		return nil, err
	}
	r.clusterID, r.cluster = id, &c
	return r.cluster, nil
}

// available is the cluster of the wanted warehouse, if it can be worked with.
func (r *run) available(ctx context.Context) (*Cluster, *wait, error) {
	id := r.gate().Cluster
	c, err := r.lookAt(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if c == nil {
		return nil, nil, r.blocked("find cluster", ClusterMissing, "correct the cluster's identifier in the configuration, or withdraw the source if the cluster is gone",
			fmt.Errorf("there is no Redshift cluster %s", id))
	}
	w, err := r.usable(id, c)
	return c, w, err
}

// usable reads a cluster's state: its status decides, not what it answers to calls.
//
// Source: Amazon Redshift API Reference, Cluster (ClusterStatus, ClusterAvailabilityStatus).
func (r *run) usable(id string, c *Cluster) (*wait, error) {
	says := "cluster " + id + " is " + c.Status
	switch {
	case c.Availability == "Maintenance":
		return &wait{Parked, ClusterMaintenance, says + ", in maintenance", busyWait}, nil
	case strings.HasPrefix(c.Status, "available"):
		return nil, nil
	case c.Status == "paused" || c.Status == "pausing" || c.Status == "resuming":
		return &wait{Parked, ClusterPaused, says, parkedWait}, nil
	case c.Status == "resizing" || c.Status == "cancelling-resize":
		return &wait{Waiting, ClusterResizing, says, busyWait}, nil
	case c.Status == "deleting" || c.Status == "final-snapshot":
		return nil, r.blocked("use cluster", ClusterMissing, "withdraw the source, or restore the cluster", errors.New(says))
	case c.Status == "hardware-failure" || c.Status == "storage-full" || strings.HasPrefix(c.Status, "incompatible-"):
		return nil, r.blocked("use cluster", ClusterBroken, "mend the cluster: its status says what is wrong", errors.New(says))
	}
	return &wait{Waiting, ClusterChanging, says, busyWait}, nil
}
