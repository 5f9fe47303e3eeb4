package login_test

import (
	"database/sql"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
)

// rows is an answer with one row of a number, a text and a moment.
func rows() []pgproto3.BackendMessage {
	const integer, text, timestamp = 20, 25, 1114 // object identifiers of types
	return []pgproto3.BackendMessage{
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
			{Name: []byte("n"), DataTypeOID: integer}, {Name: []byte("s"), DataTypeOID: text}, {Name: []byte("t"), DataTypeOID: timestamp}}},
		&pgproto3.DataRow{Values: [][]byte{[]byte("7"), []byte("it's"), []byte("2026-03-01 12:00:00.5")}},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")},
	}
}

// reports are settings that servers tell of at login: those of a warehouse lack what pgx needs to write arguments into a statement.
var reports = map[string]map[string]string{
	"nothing":   nil,
	"warehouse": {"server_version": "8.0.2", "client_encoding": "UNICODE", "integer_datetimes": "on"},
	"database":  {"server_version": "17.2", "client_encoding": "UTF8", "standard_conforming_strings": "on"},
}

// Queries work whatever the server tells of itself: arguments go beside an unnamed statement, as text, and nothing stays prepared.
func TestQueries(t *testing.T) {
	for name, reported := range reports {
		t.Run(name, func(t *testing.T) {
			e := endpoint(t)
			e.Reports, e.Answer = reported, rows()
			e.Serve()
			db := database(t, e)
			ask := func(query string, args ...any) {
				t.Helper()
				var n int
				var s string
				var at time.Time
				err := db.QueryRowContext(t.Context(), query, args...).Scan(&n, &s, &at)
				if err != nil || n != 7 || s != "it's" || !at.Equal(time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC)) {
					t.Fatalf("%s: %d, %q, %s, %v", query, n, s, at, err)
				}
			}
			do := func(query string, args ...any) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
					t.Fatalf("%s: %v", query, err)
				}
			}
			ask("SELECT 1")
			ask("SELECT $1, $2, $3", 42, "O'Hara \\", nil)
			do("SET a TO b; SET c TO d")
			do("INSERT INTO t VALUES ($1, $2, $3)", 1.5, true, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			if err := db.PingContext(t.Context()); err != nil {
				t.Error(err)
			}
			want := []logintest.Query{
				{SQL: "SELECT 1"},
				{SQL: "SELECT $1, $2, $3", Arguments: []any{"42", "O'Hara \\", nil}},
				{SQL: "SET a TO b; SET c TO d", Simple: true},
				{SQL: "INSERT INTO t VALUES ($1, $2, $3)", Arguments: []any{"1.5", "t", "2026-03-01 12:00:00Z"}},
			}
			if got := e.Queries(); !reflect.DeepEqual(got, want) {
				t.Errorf("the server was asked %+v\nwant %+v", got, want)
			}
			if left := e.Prepared(); len(left) > 0 {
				t.Errorf("left on the server: %q", left)
			}
		})
	}
}

// A statement that a program prepares itself has a name, and is gone when the program closes it.
func TestPrepare(t *testing.T) {
	e := endpoint(t)
	e.Reports, e.Answer = reports["warehouse"], rows()[2:]
	e.Serve()
	statement, err := database(t, e).PrepareContext(t.Context(), "INSERT INTO t VALUES ($1)")
	if err != nil {
		t.Fatal(err)
	}
	if left := e.Prepared(); len(left) != 1 || left[0] == "" {
		t.Fatalf("prepared: %q", left)
	}
	if _, err := statement.ExecContext(t.Context(), 42); err != nil {
		t.Error(err)
	}
	if asked := e.Queries(); len(asked) != 1 || !slices.Contains(e.Prepared(), asked[0].Statement) {
		t.Errorf("the server was asked %+v", asked)
	}
	if err := statement.Close(); err != nil || len(e.Prepared()) > 0 {
		t.Errorf("left on the server: %q, %v", e.Prepared(), err)
	}
}

// An error in the middle of a statement leaves the connection in order.
func TestQueryFails(t *testing.T) {
	e := endpoint(t)
	e.Answer = []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42P01", Message: "no such table"}}
	e.Serve()
	db := database(t, e)
	for range 3 {
		if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES ($1)", 1); err == nil {
			t.Error("no error")
		}
	}
	if n := len(e.Logins()); n != 1 {
		t.Errorf("%d logins, want one connection for all", n)
	}
}

// database is one connection to the endpoint, as database/sql uses it.
func database(t *testing.T, e *logintest.Endpoint) *sql.DB {
	config, err := login.Config(e.Target())
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
