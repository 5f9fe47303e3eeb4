package federation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/federation/federationtest"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

func TestDecode(t *testing.T) {
	got, err := federation.Decode([]byte(`{"name":"orders","warehouse":"analytics","schema":"orders_live","grantUsageTo":["group:example_group"],"manageIngress":true,
		"source":{"engine":"postgres","instance":"orders-prod","database":"orders"}}`))
	if err != nil || !got.Same(federationtest.Wanted()) || got.Isolation != federation.Dedicated || got.Source.Schema != "public" {
		t.Errorf("%+v, %v", got, err)
	}
	other := federationtest.Wanted()
	other.GrantUsageTo = []warehouse.Grantee{"group:b", "group:a"}
	again := other
	again.GrantUsageTo = []warehouse.Grantee{"group:a", "group:b"}
	if !other.Same(again) || other.Same(federationtest.Wanted()) {
		t.Error("the order of grantees counts, or grantees do not")
	}
}

// Everything that is wrong is reported at once, each with its place and a remedy.
func TestWrongDocuments(t *testing.T) {
	for text, want := range map[string][]string{
		``: {"document"}, `[]`: {"document"}, `{"name":"x","colour":"red"}`: {"document"},
		`{}`: {"name", "schema", "source.database", "source.engine", "source.instance", "warehouse"},
		`{"name":"Orders","warehouse":"w","schema":"pg_x","source":{"engine":"mysql","instance":"a","host":"b","database":"d"},"credentials":{"secret":"s","admin":"a"}}`: {
			"credentials", "credentials.admin", "credentials.secret", "name", "schema", "source.engine", "source.instance"},
		`{"name":"x","warehouse":"w","schema":"s","source":{"engine":"postgres","host":"db.example.com","database":"d"},"manageIngress":true}`:                                         {"credentials", "manageIngress"},
		`{"name":"x","warehouse":"w","schema":"s","source":{"engine":"postgres","instance":"a","database":"d"},"isolation":"chained","grantUsageTo":["analysts","group:a","group:a"]}`: {"grantUsageTo[0]", "grantUsageTo[2]", "isolation"},
		`{"name":"x","warehouse":"w","schema":"s","source":{"engine":"postgres","instance":"a","database":"d'; DROP"}}`:                                                                {"source.database"},
	} {
		_, err := federation.Decode([]byte(text))
		problems, ok := errors.AsType[fault.Problems](err)
		if !ok {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var where []string
		for _, p := range problems {
			where = append(where, p.Where)
			if p.Fix == "" {
				t.Errorf("%s: %s has no remedy", text, p.Where)
			}
		}
		if !slices.Equal(where, want) {
			t.Errorf("%s: %v\nwant %v", text, where, want)
		}
	}
}

// Names are the same in every run, other for every other federation, and within the limits of all services.
func TestNames(t *testing.T) {
	n := federation.Namer{Stage: "production", Place: warehouse.PlaceIn("111122223333", "us-east-1")}
	long := federation.Wanted{Name: strings.Repeat("a", 32), Warehouse: "analytics", Source: source.Source{Instance: "orders-prod", Database: "orders"}}
	if why := federation.BadName(long.Name); why != "" {
		t.Errorf("%s", why)
	}
	seen := make(map[string]string)
	for what, change := range map[string]func(*federation.Namer, *federation.Wanted){
		"itself":            func(*federation.Namer, *federation.Wanted) {},
		"another name":      func(_ *federation.Namer, w *federation.Wanted) { w.Name = strings.Repeat("a", 31) },
		"another warehouse": func(_ *federation.Namer, w *federation.Wanted) { w.Warehouse = "finance" },
		"another source":    func(_ *federation.Namer, w *federation.Wanted) { w.Source.Instance = "other" },
		"another database":  func(_ *federation.Namer, w *federation.Wanted) { w.Source.Database = "other" },
		"another stage":     func(n *federation.Namer, _ *federation.Wanted) { n.Stage = "test" },
		"another region": func(n *federation.Namer, _ *federation.Wanted) {
			n.Place = warehouse.PlaceIn("111122223333", "eu-west-1")
		},
	} {
		in, w := n, long
		change(&in, &w)
		role, secret, login := in.Role(w), in.Secret(w), in.Login(w)
		if len(role) > 64 || len(login) > 63 || len(secret) > 512 || role != in.Role(w) {
			t.Errorf("%s: %s, %s, %s", what, role, secret, login)
		}
		for _, made := range []string{role, secret, login} {
			if other, taken := seen[made]; taken {
				t.Errorf("%s and %s have the name %s", what, other, made)
			}
			seen[made] = what
		}
	}
}
