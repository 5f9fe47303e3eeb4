package property_test

import (
	"maps"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// texts are the values of a set, by name.
func texts(s property.Set) map[property.Name]string {
	all := make(map[property.Name]string)
	for _, e := range s.Entries() {
		all[e.Name] = e.Value.Reveal()
	}
	return all
}

// said is what a test expects in a set.
type said = map[property.Name]string

func expect(t *testing.T, got property.Set, err error, want said) {
	t.Helper()
	if err != nil {
		t.Fatalf("error %v", err)
	}
	if !maps.Equal(texts(got), want) {
		t.Errorf("%v, want %v", texts(got), want)
	}
}

func TestPropertiesOfOneMeaning(t *testing.T) {
	want := said{property.Host: "h", property.ClusterID: "c1", property.IAM: "true", property.DisableCache: "true", property.GroupFederation: "true"}
	for name, given := range map[string]map[string]string{
		"ODBC":   {"Servername": "h", "ClusterId": "c1", "IAM": "true", "DisableCache": "true", "group_federation": "true"},
		"JDBC":   {"HOST": "h", "ClusterID": "c1", "IAMAuth": "true", "IAMDisableCache": "true", "groupFederation": "true"},
		"Python": {"host": "h", "cluster_identifier": "c1", "iam": "true", "iam_disable_cache": "true", "group_federation": "true"},
		"mixed":  {"SERVER": "h", "cluster-id": "c1", "Iam": "true", "disable-cache": "true", "GROUPFEDERATION": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := property.FromMap(given)
			expect(t, got, err, want)
		})
	}
}
