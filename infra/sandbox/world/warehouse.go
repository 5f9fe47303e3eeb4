package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// The ready-made warehouse. Its names are those of the examples in Amazon's documentation of temporary credentials. The
// workgroup has an address of its own and stands before the same PostgreSQL as the cluster: databases, users and groups are the
// same, and in Redshift they never are. Logins are not: what opens one does not open the other.
const (
	Cluster   = "examplecluster"
	Workgroup = "exampleworkgroup"
	Namespace = "examplenamespace" // of the workgroup
	Database  = "exampledb"
	Host      = "localhost"
	Master    = "awsuser"         // the superuser that came with the cluster
	User      = "temp_creds_user" // an ordinary user; it is in no group but for sessions that ask for one
	Group     = "example_group"
)

// tables says who may read what.
var tables = []string{"venue (everybody)", "sales (members of " + Group + ")"}

// schema makes users, groups and tables. Nobody has a password: all logins are temporary ones. The user sluice is as the SQL of
// sluice bootstrap makes it.
const schema = `
CREATE USER awsuser SUPERUSER;
CREATE USER temp_creds_user;
CREATE GROUP example_group;
CREATE USER sluice;
GRANT CREATE ON DATABASE exampledb TO sluice;
CREATE ROLE "role:sluice_catalog" NOLOGIN;
GRANT pg_monitor TO "role:sluice_catalog";
GRANT "role:sluice_catalog" TO sluice;
SET ROLE awsuser;
CREATE TABLE venue (venueid integer PRIMARY KEY, venuename varchar(100) NOT NULL, venuecity varchar(30) NOT NULL);
CREATE TABLE sales (
	salesid integer PRIMARY KEY, venueid integer NOT NULL REFERENCES venue, qtysold smallint NOT NULL,
	pricepaid numeric(8,2) NOT NULL, saletime timestamp NOT NULL
);
INSERT INTO venue VALUES (1, 'Harbour Hall', 'Bergen'), (2, 'Canal Stage', 'Ghent'), (3, 'Lock House', 'Delft');
INSERT INTO sales
	SELECT n, 1 + n % 3, 1 + n % 4, 20 + 7.5 * (n % 5), timestamp '2026-01-01 10:00' + n * interval '90 minutes'
	FROM generate_series(1, 12) AS n;
GRANT SELECT ON venue TO PUBLIC;
GRANT SELECT ON sales TO GROUP example_group;
`

// openWarehouse starts PostgreSQL and the front at which clients log in.
func (w *World) openWarehouse(ctx, life context.Context) error {
	log := filepath.Join(w.logs(), "postgres.log")
	if err := os.Remove(log); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove PostgreSQL's log of the last run: %w", err)
	}
	server, err := postgres.Start(life, postgres.Config{NodeModules: w.config.NodeModules, Log: log})
	if err != nil {
		return err
	}
	w.onClose(server.Stop)
	if err := furnish(ctx, server); err != nil {
		return err
	}
	if w.Authority, err = warehouse.NewAuthority(); err != nil {
		return err
	}
	if err := os.WriteFile(w.certificate(), w.Authority.PEM(), 0o644); err != nil {
		return fmt.Errorf("write the certificate that clients of the warehouse trust: %w", err)
	}
	w.onClose(func() error { return os.Remove(w.certificate()) })
	w.database = server
	if w.Warehouse, err = w.front(life, 1, 0); err != nil {
		return err
	}
	if w.Workgroup, err = w.front(life, 2, workgroupConnections); err != nil {
		return err
	}
	return w.CertifyHosts()
}

// workgroupConnections leaves the cluster's front its own, below what PostgreSQL takes from both.
const workgroupConnections = 15

// front opens an address at which clients log in, so many ports after AWS's endpoint.
func (w *World) front(life context.Context, after, connections int) (*warehouse.Endpoint, error) {
	port := 0
	if w.config.Port != 0 {
		port = w.config.Port + after
	}
	e, err := warehouse.Listen(life, warehouse.Config{
		Address: address(port), Host: Host, Database: w.database, Clock: w.Clock, Log: w.config.Log,
		MaxConnections: connections, Opening: w.refreshSchemas,
	})
	if err != nil {
		return nil, portError(port, err)
	}
	w.onClose(func() error { e.Close(); return nil })
	return e, nil
}

// CertifyHosts gives cluster and workgroup a certificate for more host names, beside localhost: for clients that connect to
// localhost and expect another name there, such as a custom domain name.
func (w *World) CertifyHosts(names ...string) error {
	certificate, err := w.Authority.Certificate(append([]string{Host, "127.0.0.1"}, names...)...)
	if err != nil {
		return err
	}
	w.Warehouse.SetCertificate(certificate)
	w.Workgroup.SetCertificate(certificate)
	return nil
}

// furnish makes the database and what is in it.
func furnish(ctx context.Context, server *postgres.Server) error {
	if err := server.CreateDatabase(ctx, Database); err != nil {
		return err
	}
	conn, err := server.Open(ctx, Database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := federated.Furnish(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, schema, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("furnish database %s: %w", Database, err)
	}
	return nil
}

// authority is the certificate's file with its whole path: functions run in folders of their own.
func (w *World) authority() (string, error) {
	path, err := filepath.Abs(w.certificate())
	if err != nil {
		return "", fmt.Errorf("find the certificate that functions trust: %w", err)
	}
	return path, nil
}
