package connected_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/fault"
)

// fails fails the test unless somebody is refused with this reason, and nothing was called but these.
func (s *scene) fails(p map[string]string, reason string, calls ...string) error {
	s.Helper()
	before := s.last()
	s.newCache()
	user, err := s.whoami(p)
	if fault.ReasonOf(err) != reason {
		s.Errorf("logged in as %q, %v; want a fault with the reason %s", user, err, reason)
	}
	var operations []string
	for _, c := range s.calls(before) {
		operations = append(operations, c.Operation)
	}
	if !slices.Equal(operations, calls) {
		s.Errorf("%v were called; want %v", operations, calls)
	}
	return err
}

func TestWarehouseThatIsNotThere(t *testing.T) {
	s := prepared(t)
	key := s.operatorKey()
	for _, tc := range []struct {
		name       string
		properties map[string]string
		reason     string
		calls      []string
		says       []string
	}{
		{"cluster", s.cluster(map[string]string{"ClusterID": "another"}), awslease.ClusterMissing, []string{"GetClusterCredentials"}, []string{"cluster another", "correct ClusterID"}},
		{"cluster for oneself", s.own(map[string]string{"ClusterID": "another"}), awslease.ClusterMissing, []string{"GetClusterCredentialsWithIAM"}, []string{"cluster another"}},
		{"workgroup", s.workgroup(map[string]string{"Workgroup": "another"}), awslease.WorkgroupMissing, []string{"GetCredentials"}, []string{"workgroup another", "correct Workgroup"}},
		{"domain that is the host", s.cluster(map[string]string{"ClusterID": "", "Server": "gone.example.com", "vpc_endpoint_url": "localhost"}), awslease.DomainUnknown,
			[]string{"DescribeCustomDomainAssociations"}, []string{"gone.example.com", "us-east-1", "give ClusterID"}},
		{"domain that is named", s.cluster(map[string]string{"ClusterID": "", "CustomDomain": "gone.example.com"}), awslease.DomainUnknown,
			[]string{"GetClusterCredentials"}, []string{"gone.example.com", "give ClusterID"}},
		{"domain of no workgroup", s.workgroup(map[string]string{"Workgroup": "", "CustomDomain": "gone.example.com", "Serverless": "1"}), awslease.WorkgroupMissing,
			[]string{"GetCredentials"}, []string{"gone.example.com"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.says(s.fails(properties(tc.properties, key), tc.reason, tc.calls...), tc.says...)
		})
	}
}

// A paused cluster gives no logins. Who has one finds nothing behind the address, and its connector asks anew where that is.
func TestPausedCluster(t *testing.T) {
	s := begin(t)
	p := unplaced(s.cluster(s.operatorKey()))
	db, err := s.open(p)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(-1)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	must(0, s.Redshift.SetStatus(world.Cluster, "paused"))
	t.Cleanup(func() { must(0, s.Redshift.SetStatus(world.Cluster, "available")) })
	before := s.last()
	if err := book.heard(db.Ping()); !errors.Is(err, connector.ErrUnreachable) || fault.KindOf(err) != fault.Retry {
		t.Errorf("with a login at hand: %v; want ErrUnreachable", err)
	}
	err = book.heard(db.Ping())
	if fault.ReasonOf(err) != awslease.WarehouseParked {
		t.Errorf("when the address is looked up again: %v; want %s", err, awslease.WarehouseParked)
	}
	s.says(err, "paused", "resume the cluster")
	if n := s.count(before, "GetClusterCredentials"); n != 0 {
		t.Errorf("%d logins were asked for; there is a good one", n)
	}
	s.says(s.fails(p, awslease.WarehouseParked, "GetClusterCredentials", "DescribeClusters"), "paused", "resume the cluster")
	placed := s.cluster(s.operatorKey())
	s.says(s.fails(placed, awslease.WarehouseParked, "GetClusterCredentials"), "if it is paused, somebody has to resume it")
	must(0, s.Redshift.SetStatus(world.Cluster, "rebooting"))
	s.newCache()
	err = s.fails(p, awslease.WarehouseNotReady, "GetClusterCredentials", "DescribeClusters")
	if s.says(err, "rebooting", "wait until it is available"); fault.KindOf(err) != fault.Retry || strings.Contains(err.Error(), "resume") {
		t.Errorf("%v; want that it passes", err)
	}
	must(0, s.Redshift.SetStatus(world.Cluster, "available"))
	s.newCache() // the failure rests for a second in db and in the old one
	s.is(world.User, p)
}

// EndpointUrl leads every service but STS elsewhere.
func TestEndpointUrl(t *testing.T) {
	s := prepared(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := s.in(t)
			s.newCache()
			p := properties(w.properties(s), s.operatorKey(), map[string]string{"EndpointUrl": s.wire.URL})
			t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // nobody is there
			before := s.last()
			if _, err := s.whoami(p); err != nil {
				t.Error(err)
			}
			if n := len(s.calls(before)); n != len(w.calls) {
				t.Errorf("%d calls were made; want %d", n, len(w.calls))
			}
		})
	}
}

// Each kind of login takes a key that AWS knows.
func TestKeyThatAWSDoesNotKnow(t *testing.T) {
	s := prepared(t)
	stranger := map[string]string{"AccessKeyID": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	liar := properties(s.operatorKey(), map[string]string{"SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	book.hide(stranger["SecretAccessKey"])
	_, beggar := s.user()
	for _, p := range []map[string]string{s.cluster(), s.own(), s.workgroup(), {"SecretID": "any", "Region": "us-east-1", "CaFile": s.authority()}} {
		for _, tc := range []struct {
			reason string
			key    map[string]string
		}{{awslease.CredentialsInvalid, stranger}, {awslease.CredentialsInvalid, liar}, {awserror.Unauthorized, keyOf(beggar)}} {
			s.newCache()
			if user, err := s.whoami(properties(p, tc.key)); fault.ReasonOf(err) != tc.reason {
				t.Errorf("logged in as %q, %v; want the reason %s", user, err, tc.reason)
			}
		}
	}
}
