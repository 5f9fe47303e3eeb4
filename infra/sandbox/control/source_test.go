package control_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// withSource adds a source database named orders, and returns a way to run a statement in it as its master.
func (r *rig) withSource(t *testing.T) (*source.Source, func(sql string) error) {
	t.Helper()
	authority, err := warehouse.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	r.sandbox.Sources = source.New(t.Context(), source.Config{Authority: authority, Clock: r.clock, Postgres: postgres.Config{NodeModules: "../../node_modules"}})
	t.Cleanup(func() {
		if err := r.sandbox.Sources.Close(); err != nil {
			t.Error(err)
		}
	})
	orders, err := r.sandbox.Sources.Add(t.Context(), source.Database{Identifier: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	r.serve(t)
	return orders, func(sql string) error {
		config, err := pgx.ParseConfig("host=" + source.Host + " sslmode=require")
		if err != nil {
			t.Fatal(err)
		}
		config.Port, config.Database, config.User, config.Password = uint16(orders.Port()), orders.Database(), orders.Master(), orders.MasterPassword().Reveal()
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		return err
	}
}

func TestSources(t *testing.T) {
	t.Setenv("PGSSLROOTCERT", "") // a shell that uses a running sandbox has that sandbox's
	r := start(t)
	orders, run := r.withSource(t)
	if err := r.StopSource(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if err := run("SELECT 1"); err == nil {
		t.Error("a stopped source took a session")
	}
	if err := r.StartSource(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if err := run("SELECT 2"); err != nil {
		t.Errorf("after its start: %v", err)
	}
	if err := r.SetAuthentication(t.Context(), "orders", source.SCRAM); err != nil || orders.Authentication() != source.SCRAM {
		t.Errorf("SetAuthentication() = %v; it is %q", err, orders.Authentication())
	}
	if err := r.SetAuthentication(t.Context(), "orders", "none"); err == nil || !strings.Contains(err.Error(), `"none" is unknown`) {
		t.Errorf("SetAuthentication() of an unknown way = %v", err)
	}
	if err := r.StopSource(t.Context(), "missing"); err == nil || !strings.Contains(err.Error(), `"missing"`) {
		t.Errorf("StopSource() of a source that is not there = %v", err)
	}

	fault := source.Fault{Source: "orders", Kind: source.Refused, Count: 1}
	if err := r.AddSourceFault(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	if waiting, err := r.SourceFaults(t.Context()); err != nil || !slices.Equal(waiting, []source.Fault{fault}) {
		t.Errorf("SourceFaults() = %v, %v", waiting, err)
	}
	if e, ok := errors.AsType[*pgconn.PgError](run("SELECT 3")); !ok || e.Code != "42501" {
		t.Errorf("the statement with a fault: %v; want 42501", e)
	}
	if err := r.AddSourceFault(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	if err := r.ClearSourceFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := run("SELECT 4"); err != nil {
		t.Errorf("after the faults were cleared: %v", err)
	}
	all, err := r.Statements(t.Context(), source.Filter{Source: "orders", User: orders.Master()})
	if err != nil || len(all) != 3 || all[1].Fault != source.Refused {
		t.Fatalf("Statements() = %+v, %v; want three, the second one with its fault", all, err)
	}
	if later, err := r.Statements(t.Context(), source.Filter{After: all[1].Seq}); err != nil || len(later) != 1 || later[0].Text != "SELECT 4" {
		t.Errorf("Statements() after the second = %+v, %v", later, err)
	}
}

func TestQueues(t *testing.T) {
	r := start(t)
	r.sandbox.Queue = func(name string) ([]control.Message, error) {
		if name != "work" {
			return nil, errors.New("there is no queue " + name)
		}
		return []control.Message{{ID: "m-1", Body: `{"source":"orders"}`, Received: 2}}, nil
	}
	r.serve(t)
	got, err := r.Messages(t.Context(), "work")
	if err != nil || len(got) != 1 || got[0] != (control.Message{ID: "m-1", Body: `{"source":"orders"}`, Received: 2}) {
		t.Errorf("Messages() = %+v, %v", got, err)
	}
	if _, err := r.Messages(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "there is no queue other") {
		t.Errorf("Messages() of another queue = %v", err)
	}
}

// A sandbox without what is asked for says so.
func TestWhatThereIsNot(t *testing.T) {
	r := start(t)
	_, queues := r.Messages(t.Context(), "work")
	_, faults := r.SourceFaults(t.Context())
	_, statements := r.Statements(t.Context(), source.Filter{})
	for name, err := range map[string]error{
		"without queues": queues, "without source databases": errors.Join(faults, statements, r.StopSource(t.Context(), "orders"), r.StartSource(t.Context(), "orders")),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not say %q", err, name)
		}
	}
}
