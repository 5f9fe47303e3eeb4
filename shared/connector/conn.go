package connector

import (
	"context"
	"database/sql/driver"

	"github.com/jackc/pgx/v5/stdlib"
)

// A Conn is one physical connection, as sql.Conn.Raw gives it: that of pgx's package stdlib, but for Prepare. Its method Conn returns
// pgx's own.
type Conn struct{ *pgxConn }

type pgxConn = stdlib.Conn // embedded by another name, for its method Conn

// PrepareContext implements [driver.ConnPrepareContext]. Nothing is sent yet: each use of the statement sends it whole, as a query without
// Prepare, so that the same arguments mean the same in both. pgx's own would ask the server for types and send binary, where a
// time.Time loses its zone, and would leave a name on the server. Redshift keeps compiled queries by their text in any case.
func (c Conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return stmt{c.pgxConn, query}, nil
}

// Prepare implements [driver.Conn].
func (c Conn) Prepare(query string) (driver.Stmt, error) { return stmt{c.pgxConn, query}, nil }

// A stmt is a query that is kept on this side.
type stmt struct {
	conn  *stdlib.Conn
	query string
}

var (
	_ driver.StmtExecContext  = stmt{}
	_ driver.StmtQueryContext = stmt{}
)

func (s stmt) Close() error  { return nil }
func (s stmt) NumInput() int { return -1 } // the server counts

func (s stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

// Exec implements [driver.Stmt]. database/sql asks for ExecContext.
func (s stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements [driver.Stmt]. database/sql asks for QueryContext.
func (s stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, v := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return all
}
