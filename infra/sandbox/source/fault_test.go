package source_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/source"
)

// TestFaults meets every kind in the simple protocol, in the extended one, and in a transaction.
func TestFaults(t *testing.T) {
	s := add(t)
	run(t, master(t, s), "CREATE TABLE done (what text)")
	has := func(what string) (found bool) {
		conn, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM done WHERE what = $1)", what).Scan(&found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, way := range []struct {
		name string
		do   func(conn *pgx.Conn, what string) error
	}{
		{"simple", func(conn *pgx.Conn, what string) error {
			_, err := conn.Exec(t.Context(), "INSERT INTO done VALUES ('"+what+"')")
			return err
		}},
		{"extended", func(conn *pgx.Conn, what string) error {
			_, err := conn.Exec(t.Context(), "INSERT INTO done VALUES ($1)", what)
			return err
		}},
	} {
		for _, tc := range []struct {
			kind  source.Kind
			code  string // of PostgreSQL's error; empty if the connection just ends
			runs  bool
			lives bool // the session
		}{
			{source.Refused, "42501", false, true},
			{source.Failing, "57P01", false, false},
			{source.LostBefore, "", false, false},
			{source.LostAfter, "", true, false},
		} {
			what := way.name + " " + string(tc.kind)
			t.Run(what, func(t *testing.T) {
				conn := master(t, s)
				if err := service.Faults().Add(source.Fault{Source: s.Identifier(), User: s.Master(), Skip: 1, Kind: tc.kind, Count: 1}); err != nil {
					t.Fatal(err)
				}
				if err := way.do(conn, what+", first"); err != nil {
					t.Fatalf("the statement before: %v", err)
				}
				err := way.do(conn, what)
				if tc.code != "" {
					coded(t, err, tc.code)
				} else if _, ok := errors.AsType[*pgconn.PgError](err); ok || err == nil {
					t.Errorf("error %v; want a connection that was lost", err)
				}
				if has(what) != tc.runs {
					t.Errorf("the statement has run: %t; want %t", !tc.runs, tc.runs)
				}
				if lives := way.do(conn, what+", third") == nil; lives != tc.lives {
					t.Errorf("the session lives: %t; want %t", lives, tc.lives)
				}
				if left := service.Faults().List(); len(left) != 0 {
					t.Errorf("faults %v are left", left)
				}
				last := service.Statements(source.Filter{Source: s.Identifier()})
				for i := len(last) - 1; i >= 0 && last[i].Fault != tc.kind; i-- {
					if i == 0 {
						t.Errorf("no statement is recorded with fault %s", tc.kind)
					}
				}
			})
		}
	}
}

// TestRefusalFailsTheTransaction shows that a refused statement is a failed one to the server too.
func TestRefusalFailsTheTransaction(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	run(t, conn, "CREATE TABLE done (what text)")
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Faults().Add(source.Fault{Source: s.Identifier(), Kind: source.Refused, Count: 1}); err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), "INSERT INTO done VALUES ($1)", "a")
	coded(t, err, "42501")
	_, err = tx.Exec(t.Context(), "INSERT INTO done VALUES ($1)", "b")
	coded(t, err, "25P02")
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, conn, "SELECT 1")
}

// TestBatch shows that in a pipeline a lost connection takes with it what was to come after the statement, not the
// statement.
func TestBatch(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	run(t, conn, "CREATE TABLE done (what text)")
	if err := service.Faults().Add(source.Fault{Source: s.Identifier(), Skip: 1, Kind: source.LostAfter, Count: 1}); err != nil {
		t.Fatal(err)
	}
	var batch pgx.Batch
	for _, what := range []string{"a", "b", "c"} {
		batch.Queue("INSERT INTO done VALUES ($1)", what)
	}
	if err := conn.SendBatch(t.Context(), &batch).Close(); err == nil {
		t.Error("the batch succeeds")
	}
	again := master(t, s)
	var all string
	if err := again.QueryRow(t.Context(), "SELECT string_agg(what, '' ORDER BY what) FROM done").Scan(&all); err != nil || all != "ab" {
		t.Errorf("done holds %q, %v; want %q", all, err, "ab")
	}
}

func TestFaultsForOthersWait(t *testing.T) {
	s := add(t)
	conn := master(t, s)
	for _, f := range []source.Fault{
		{Source: "another", Kind: source.Refused, Count: 1},
		{Source: s.Identifier(), User: "another", Kind: source.Refused, Count: 1},
	} {
		if err := service.Faults().Add(f); err != nil {
			t.Fatal(err)
		}
	}
	run(t, conn, "SELECT 1")
	if left := service.Faults().List(); len(left) != 2 {
		t.Errorf("faults %v are left; want both", left)
	}
}

func TestFaultNamesAllThatIsWrong(t *testing.T) {
	err := service.Faults().Add(source.Fault{Kind: "throttled", Skip: -1})
	if err == nil {
		t.Fatal("it is taken")
	}
	for _, word := range []string{"source is empty", "throttled", "count is 0", "skip is -1"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}
