package source_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

var rds = source.Source{Engine: source.Postgres, Instance: "orders-prod", Database: "orders"}

func where(t *testing.T, problems fault.Problems) (places []string) {
	t.Helper()
	for _, p := range problems {
		if p.Fix == "" || p.What == "" {
			t.Errorf("%s: says not what is wrong, or not what to do", p.Where)
		}
		places = append(places, p.Where)
	}
	return places
}

func TestSourceProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*source.Source)
		want   []string
	}{
		"RDS instance":           {func(*source.Source) {}, nil},
		"with a schema":          {func(s *source.Source) { s.Schema = "sales_2$-x" }, nil},
		"schema in upper case":   {func(s *source.Source) { s.Schema = "Sales" }, []string{"schema"}}, // the warehouse folds it
		"database in upper case": {func(s *source.Source) { s.Database = "ordersEU" }, []string{"database"}},
		"host":                   {func(s *source.Source) { s.Instance, s.Host = "", "db.example.com" }, nil},
		"host with a port":       {func(s *source.Source) { s.Instance, s.Host, s.Port = "", "DB", 65535 }, nil},
		"nothing":                {func(s *source.Source) { *s = source.Source{} }, []string{"engine", "instance", "database"}},
		"another engine":         {func(s *source.Source) { s.Engine = "oracle" }, []string{"engine"}},
		"an engine to come":      {func(s *source.Source) { s.Engine = source.MySQL }, []string{"engine"}},
		"two names":              {func(s *source.Source) { s.Host = "db" }, []string{"instance"}},
		"cluster":                {func(s *source.Source) { s.Instance, s.Cluster = "", "orders" }, []string{"cluster"}},
		"identifier":             {func(s *source.Source) { s.Instance = "Orders--prod" }, []string{"instance"}},
		"URL as a host":          {func(s *source.Source) { s.Instance, s.Host = "", "postgres://db" }, []string{"host"}},
		"host with a quote":      {func(s *source.Source) { s.Instance, s.Host = "", "db'" }, []string{"host"}},
		"long host":              {func(s *source.Source) { s.Instance, s.Host = "", strings.Repeat("a.", 127)+"a" }, []string{"host"}},
		"port of an instance":    {func(s *source.Source) { s.Port = 5432 }, []string{"port"}},
		"port too high":          {func(s *source.Source) { s.Instance, s.Host, s.Port = "", "db", 65536 }, []string{"port"}},
		"database with a quote":  {func(s *source.Source) { s.Database = `x"; DROP` }, []string{"database"}},
		"schema with a new line": {func(s *source.Source) { s.Schema = "a\nb" }, []string{"schema"}},
		"long name":              {func(s *source.Source) { s.Database = strings.Repeat("d", 64) }, []string{"database"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := rds
			tc.change(&s)
			if got := where(t, s.Problems()); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %v, want %v", got, tc.want)
			}
		})
	}
}

func TestSourceNames(t *testing.T) {
	for id, s := range map[string]source.Source{
		"orders-prod": rds, "aurora": {Cluster: "aurora"}, "db.example.com:5432": {Host: "db.example.com"}, "db.example.com:6432": {Host: "db.example.com", Port: 6432},
	} {
		if got := s.ID(); got != id {
			t.Errorf("ID = %q, want %q", got, id)
		}
	}
	if got := rds.Complete(); got.Schema != "public" || got.Port != 0 {
		t.Errorf("Complete = %+v", got)
	}
	if got := (source.Source{Host: "db", Schema: "s"}).Complete(); got.Schema != "s" || got.Port != 5432 {
		t.Errorf("Complete = %+v", got)
	}
	if got := (source.Endpoint{Host: "db", Port: 5432, Database: "orders", Schema: "public"}).String(); got != "db:5432/orders" {
		t.Errorf("String = %q", got)
	}
}

func TestAnswers(t *testing.T) {
	for status, want := range map[string]bool{"available": true, "backing-up": true, "modifying": true, "stopped": false, "creating": false, "deleting": false, "rebooting": false, "never heard of": false} {
		d := source.Database{Endpoint: source.Endpoint{Host: "db"}, Status: status}
		if d.Answers() != want {
			t.Errorf("%s: answers %t, want %t", status, !want, want)
		}
	}
	if (source.Database{Status: "available"}).Answers() {
		t.Error("a database without an address answers")
	}
}
