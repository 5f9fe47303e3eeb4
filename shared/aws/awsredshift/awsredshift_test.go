package awsredshift_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsredshift"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

var (
	_ credentials.Minter   = (*awsredshift.Service)(nil)
	_ credentials.Clusters = (*awsredshift.Service)(nil)
)

func service(t *testing.T, answers ...awstest.Answer) (*awsredshift.Service, *awstest.Service) {
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsredshift.New(redshift.NewFromConfig(s.Config())), s
}

func described(clusters string) awstest.Answer {
	return awstest.Answer{Body: `<DescribeClustersResponse><DescribeClustersResult><Clusters>` + clusters + `</Clusters></DescribeClustersResult></DescribeClustersResponse>`}
}

func TestCluster(t *testing.T) {
	const available = `<Cluster><ClusterIdentifier>examplecluster</ClusterIdentifier><ClusterStatus>available</ClusterStatus><MasterUsername>admin</MasterUsername>
		<Endpoint><Address>examplecluster.example.com</Address><Port>5439</Port></Endpoint></Cluster>`
	const creating = `<Cluster><ClusterIdentifier>examplecluster</ClusterIdentifier><ClusterStatus>creating</ClusterStatus></Cluster>`
	for name, tc := range map[string]struct {
		body string
		want warehouse.Cluster
	}{
		"available":               {available, warehouse.Cluster{ID: "examplecluster", Status: "available", Host: "examplecluster.example.com", Port: 5439, Master: "admin"}},
		"being made, no endpoint": {creating, warehouse.Cluster{ID: "examplecluster", Status: "creating"}},
	} {
		t.Run(name, func(t *testing.T) {
			clusters, s := service(t, described(tc.body))
			if got, err := clusters.Cluster(t.Context(), "examplecluster"); err != nil || got != tc.want {
				t.Errorf("Cluster = %+v, %v; want %+v", got, err, tc.want)
			}
			if r := s.Requests(); len(r) != 1 || r[0].Operation != "DescribeClusters" || r[0].Form.Get("ClusterIdentifier") != "examplecluster" {
				t.Errorf("sent %+v", r)
			}
		})
	}
	t.Run("none by that name", func(t *testing.T) {
		clusters, _ := service(t, described(""))
		if _, err := clusters.Cluster(t.Context(), "ExampleCluster"); fault.ReasonOf(err) != credentials.ClusterMissing || !strings.Contains(err.Error(), "case sensitive") {
			t.Error(err)
		}
	})
}

func minted(inside string) awstest.Answer {
	return awstest.Answer{Body: `<GetClusterCredentialsResponse><GetClusterCredentialsResult>` + inside + `</GetClusterCredentialsResult></GetClusterCredentialsResponse>`}
}

const (
	user     = `<DbUser>IAM:app</DbUser>`
	password = `<DbPassword>correct horse</DbPassword>`
	expiry   = `<Expiration>2031-05-04T11:20:29.500Z</Expiration>`
)

func TestMint(t *testing.T) {
	login := warehouse.Login{Database: "sales", User: "app"}
	for _, tc := range []struct {
		name   string
		change func(*warehouse.Login)
		want   map[string]string // parameters beside those that are always sent
	}{
		{"plain", func(*warehouse.Login) {}, nil},
		{"with groups", func(l *warehouse.Login) { l.Groups = []string{"readers", "writers"} }, map[string]string{"DbGroups.DbGroup.1": "readers", "DbGroups.DbGroup.2": "writers"}},
		{"with auto-create", func(l *warehouse.Login) { l.AutoCreate = true }, map[string]string{"AutoCreate": "true"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := login
			tc.change(&l)
			mint, s := service(t, minted(user+password+expiry))
			lease, err := mint.Mint(t.Context(), "examplecluster", l, time.Hour)
			if err != nil || lease.User != "IAM:app" || lease.Password.Reveal() != "correct horse" || !lease.ExpiresAt.Equal(awstest.Now.Add(time.Hour-500*time.Millisecond)) {
				t.Errorf("Mint = %+v, %v", lease, err)
			}
			if !lease.IssuedAt.Equal(awstest.Now) || lease.IssuedAt.Location() != time.UTC {
				t.Errorf("issued at %s, by the service's clock it is %s", lease.IssuedAt, awstest.Now)
			}
			want := map[string]string{"Action": "GetClusterCredentials", "Version": "2012-12-01", "ClusterIdentifier": "examplecluster", "DbUser": "app", "DbName": "sales", "DurationSeconds": "3600"}
			for k, v := range tc.want {
				want[k] = v
			}
			form := s.Requests()[0].Form
			for k, v := range want {
				if form.Get(k) != v {
					t.Errorf("%s = %q, want %q", k, form.Get(k), v)
				}
			}
			if len(form) != len(want) {
				t.Errorf("sent %v, want %v", form, want)
			}
		})
	}
}

func TestMintFails(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   string
	}{
		{"no such cluster", awstest.QueryError(404, "ClusterNotFound", "Cluster examplecluster not found."), fault.Blocked, credentials.ClusterMissing, "a Serverless workgroup is not a cluster"},
		{"not for this warehouse", awstest.QueryError(400, "UnsupportedOperation", "no"), fault.Blocked, awsredshift.WrongAPI, "use the API"},
		{"paused", awstest.QueryError(400, "InvalidClusterState", "paused"), fault.Retry, credentials.ClusterParked, "resume"},
		{"no permission", awstest.QueryError(403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: redshift:JoinGroup on resource: x"),
			fault.Blocked, awserror.Unauthorized, "is not authorized to perform: redshift:JoinGroup on resource: x"},
		{"rate exceeded", awstest.QueryError(400, "Throttling", "Rate exceeded"), fault.Retry, awserror.Throttled, "Rate exceeded"},
		{"duration out of range", awstest.QueryError(400, "ValidationError", "DurationSeconds"), fault.Blocked, awserror.Rejected, "DurationSeconds"},
		{"service fails", awstest.QueryError(500, "InternalFailure", "oops"), fault.Retry, awserror.Unavailable, "oops"},
		{"no user", minted(password + expiry), fault.Retry, credentials.LeaseTooShort, "lacks"},
		{"no password", minted(user + expiry), fault.Retry, credentials.LeaseTooShort, "lacks"},
		{"no expiry", minted(user + password), fault.Retry, credentials.LeaseTooShort, "lacks"},
		{"no date", awstest.Answer{Body: minted(user + password + expiry).Body, NoDate: true}, fault.Retry, awserror.Unavailable, "no date"},
		{"cut short", awstest.Answer{Body: minted(user+password+expiry).Body + strings.Repeat(" ", 60), Cut: true}, fault.Retry, awserror.Unavailable, "mint lease"},
		{"no XML", awstest.Answer{Body: "correct horse"}, fault.Retry, credentials.LeaseTooShort, "lacks"},
		{"broken inside", minted(user + password + `<Expiration>correct horse</Expiration>`), fault.Retry, awserror.Unavailable, "cannot be read"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mint, _ := service(t, tc.answer)
			_, err := mint.Mint(t.Context(), "examplecluster", warehouse.Login{Database: "sales", User: "app"}, time.Hour)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || !strings.Contains(err.Error(), tc.says) || fault.FixOf(err) == "" {
				t.Errorf("%v\nis %s, %s; want %s, %s and %q in it", err, fault.KindOf(err), fault.ReasonOf(err), tc.kind, tc.reason, tc.says)
			}
			if !strings.Contains(err.Error(), "user app on cluster examplecluster") {
				t.Errorf("%v: does not say for whom", err)
			}
			if strings.Contains(err.Error(), "correct horse") {
				t.Errorf("%v: shows the password", err)
			}
		})
	}
}
