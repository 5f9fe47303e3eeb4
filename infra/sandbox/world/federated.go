package world

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftdata"
	"github.com/sluicehq/sluice/shared/secret"
)

// openData makes the Data API and the external schemas that it runs.
func (w *World) openData() error {
	schemas, err := federated.New(federated.Config{
		Open: func(ctx context.Context, _, database string) (*pgx.Conn, error) {
			return w.database.Open(ctx, database)
		},
		AttachedRoles: w.Redshift.AttachedRoles, Roles: w.Identity, API: w.AWS, Reachable: w.reachable, ReachesSecrets: w.reachesSecrets,
		Authority: w.Authority.PEM(), Log: w.config.Log,
	})
	if err != nil {
		return err
	}
	w.schemas.Store(schemas)
	w.Data = redshiftdata.New(redshiftdata.Config{
		Clock: w.Clock, Clusters: w.Redshift, External: schemas, API: w.AWS,
		Verify: func(ctx context.Context, _, user string, password secret.Value) error {
			return w.Warehouse.Verify(ctx, user, password) // of the one cluster
		},
	})
	return nil
}

// refreshSchemas checks the external schemas before a client's session opens. What is wrong with one is in the log.
func (w *World) refreshSchemas(ctx context.Context, database string) {
	if schemas := w.schemas.Load(); schemas != nil {
		if err := schemas.Refresh(ctx, Cluster, database); err != nil && w.config.Log != nil {
			w.config.Log.Warn("cannot check external schemas", "database", database, "err", err)
		}
	}
}

// reachable is the way of a cluster to a source. There is none to hosts that are no sources.
func (w *World) reachable(cluster, host string, port int) bool {
	return w.network != nil && w.network(cluster, host, port)
}
