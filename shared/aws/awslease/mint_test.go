package awslease_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

func TestMintUser(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*resolve.Settings)
		want   map[string]string
	}{
		"plain": {func(*resolve.Settings) {}, map[string]string{"ClusterIdentifier": "c1", "DbUser": "app", "DbName": "dev", "AutoCreate": "false"}},
		"with groups and a duration": {func(s *resolve.Settings) {
			s.DbGroups, s.AutoCreate, s.Duration = []string{"a", "b"}, true, 30*time.Minute
		}, map[string]string{
			"ClusterIdentifier": "c1", "DbUser": "app", "DbName": "dev", "AutoCreate": "true", "DbGroups.DbGroup.1": "a", "DbGroups.DbGroup.2": "b", "DurationSeconds": "1800"}},
		"by custom domain": {func(s *resolve.Settings) { s.Cluster, s.CustomDomain = "", "dw.example.com" },
			map[string]string{"CustomDomainName": "dw.example.com", "DbUser": "app", "DbName": "dev", "AutoCreate": "false"}},
		"by cluster, though there is a custom domain": {func(s *resolve.Settings) { s.CustomDomain = "dw.example.com" },
			map[string]string{"ClusterIdentifier": "c1", "DbUser": "app", "DbName": "dev", "AutoCreate": "false"}},
		"without a database": {func(s *resolve.Settings) { s.Database = "" }, map[string]string{"ClusterIdentifier": "c1", "DbUser": "app", "AutoCreate": "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, answer("GetClusterCredentials", login))
			s := settings(f)
			tc.change(&s)
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, minted, "correct horse")
			if r := f.Requests(); len(r) != 1 || !r[0].IsForm("GetClusterCredentials", tc.want) {
				t.Errorf("sent %v, want %v", r, tc.want)
			}
			f.asked(t, "AKIDGIVEN/us-west-2/redshift+"+token)
		})
	}
}

func TestMintIdentity(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*resolve.Settings)
		want   map[string]string
	}{
		"plain":           {func(*resolve.Settings) {}, map[string]string{"ClusterIdentifier": "c1", "DbName": "dev"}},
		"with a duration": {func(s *resolve.Settings) { s.Duration = time.Hour }, map[string]string{"ClusterIdentifier": "c1", "DbName": "dev", "DurationSeconds": "3600"}},
		"by custom domain": {func(s *resolve.Settings) { s.Cluster, s.CustomDomain = "", "dw.example.com" },
			map[string]string{"CustomDomainName": "dw.example.com", "DbName": "dev"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, answer("GetClusterCredentialsWithIAM", strings.ReplaceAll(login, "IAM:app", "IAMR:analyst")))
			s := settings(f)
			s.Login, s.DbUser = resolve.GetClusterCredentialsWithIAM, "left out"
			tc.change(&s)
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			want := minted
			want.User = "IAMR:analyst"
			same(t, got, want, "correct horse")
			if r := f.Requests(); len(r) != 1 || !r[0].IsForm("GetClusterCredentialsWithIAM", tc.want) {
				t.Errorf("sent %v, want %v", r, tc.want)
			}
		})
	}
}

func TestMintServerless(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*resolve.Settings)
		want   string
	}{
		"plain":           {func(*resolve.Settings) {}, `{"dbName":"dev","workgroupName":"w"}`},
		"with a duration": {func(s *resolve.Settings) { s.Duration = 15 * time.Minute }, `{"dbName":"dev","workgroupName":"w","durationSeconds":900}`},
		"by custom domain": {func(s *resolve.Settings) { s.Workgroup, s.CustomDomain = "", "dw.example.com" },
			`{"dbName":"dev","customDomainName":"dw.example.com"}`},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, awstest.Answer{Body: `{"dbUser":"IAMR:analyst","dbPassword":"correct horse","expiration":1935657330,"nextRefreshTime":1935657000}`})
			s := settings(f)
			s.Login, s.Cluster, s.Workgroup = resolve.GetCredentials, "", "w"
			tc.change(&s)
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			want := minted
			want.User = "IAMR:analyst"
			same(t, got, want, "correct horse")
			if r := f.Requests(); len(r) != 1 || !r[0].Is("GetCredentials", tc.want) {
				t.Errorf("sent %v, want %v", r, tc.want)
			}
			f.asked(t, "AKIDGIVEN/us-west-2/redshift-serverless+"+token)
		})
	}
}

func TestMintWithoutDateLeavesTheClockOpen(t *testing.T) {
	alone(t, "", "")
	a := answer("GetClusterCredentials", login)
	a.NoDate = true
	f := serve(t, a)
	got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), settings(f))
	if err != nil || !got.Asked.IsZero() || !got.Expires.Equal(minted.Expires) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMintFails(t *testing.T) {
	const refusal = "User: arn:aws:sts::111122223333:assumed-role/web/i is not authorized to perform: "
	for name, tc := range map[string]struct {
		change func(*resolve.Settings)
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   []string
		calls  int // -1 where the SDK first blames the clock, which differs here
	}{
		"no such cluster": {nil, awstest.QueryError(404, "ClusterNotFound", "Cluster c1 not found."), fault.Blocked, awslease.ClusterMissing,
			[]string{"user app on cluster c1", "case sensitive", "Region"}, 1},
		"unknown domain": {func(s *resolve.Settings) { s.Cluster, s.CustomDomain = "", "dw.example.com" },
			awstest.QueryError(404, "CustomDomainAssociationNotFoundFault", "none"), fault.Blocked, awslease.DomainUnknown, []string{"custom domain dw.example.com", "ClusterID"}, 1},
		"wrong API": {nil, awstest.QueryError(400, "UnsupportedOperation", "not supported"), fault.Blocked, awslease.WrongAPI, []string{"group_federation"}, 1},
		"denied, naming the resource": {nil, awstest.QueryError(403, "AccessDenied", refusal+"redshift:GetClusterCredentials on resource: arn:aws:redshift:us-west-2:111122223333:dbuser:c1/app because no identity-based policy allows it"),
			fault.Blocked, awserror.Unauthorized, []string{"allow redshift:GetClusterCredentials on arn:aws:redshift:us-west-2:111122223333:dbuser:c1/app,"}, 1},
		"denied, for another action": {nil, awstest.QueryError(403, "AccessDenied", refusal+"redshift:JoinGroup on resource: arn:aws:redshift:us-west-2:111122223333:dbgroup:c1/a"),
			fault.Blocked, awserror.Unauthorized, []string{"allow redshift:JoinGroup on arn:aws:redshift:us-west-2:111122223333:dbgroup:c1/a,"}, 1},
		"denied, naming nothing": {func(s *resolve.Settings) { s.Region = "cn-north-1" }, awstest.QueryError(403, "AccessDenied", "no"),
			fault.Blocked, awserror.Unauthorized, []string{"allow redshift:GetClusterCredentials on arn:aws-cn:redshift:cn-north-1:*:dbuser:c1/app,"}, 1},
		"throttled":        {nil, awstest.QueryError(400, "Throttling", "Rate exceeded"), fault.Retry, awserror.Throttled, []string{"share one connector"}, 3},
		"failing":          {nil, awstest.QueryError(500, "InternalFailure", "oh"), fault.Retry, awserror.Unavailable, []string{"try again"}, 3},
		"expired keys":     {nil, awstest.QueryError(403, "ExpiredToken", "The security token included in the request is expired"), fault.Blocked, awslease.CredentialsExpired, []string{"access key …IVEN", "SessionToken"}, 1},
		"keys not of AWS":  {nil, awstest.QueryError(403, "InvalidClientTokenId", "The security token included in the request is invalid."), fault.Blocked, awslease.CredentialsInvalid, []string{"session token"}, 1},
		"wrong secret":     {nil, awstest.QueryError(403, "SignatureDoesNotMatch", "The Canonical String should have been 'x-amz-security-token:"+token+"'"), fault.Blocked, awslease.CredentialsInvalid, []string{"secret of the access key"}, -1},
		"lacks a password": {nil, answer("GetClusterCredentials", `<DbUser>IAM:app</DbUser><Expiration>2031-05-04T10:35:30Z</Expiration>`), fault.Retry, awslease.AnswerIncomplete, []string{"lacks"}, 1},
		"cannot be read":   {nil, answer("GetClusterCredentials", `<DbPassword>correct horse</DbPassword><Expiration>correct horse</Expiration>`), fault.Retry, awserror.Unavailable, []string{"cannot be read"}, -1},
		"no region":        {func(s *resolve.Settings) { s.Region = "" }, awstest.Answer{}, fault.Blocked, awslease.RegionMissing, []string{"Region", "AWS_REGION"}, 0},
		"no such workgroup": {func(s *resolve.Settings) { s.Login, s.Cluster, s.Workgroup = resolve.GetCredentials, "", "w" },
			awstest.Error(400, "ResourceNotFoundException", "none"), fault.Blocked, awslease.WorkgroupMissing, []string{"workgroup w", "Workgroup"}, 1},
		"denied for a workgroup": {func(s *resolve.Settings) { s.Login, s.Cluster, s.Workgroup = resolve.GetCredentials, "", "w" },
			awstest.Error(403, "AccessDeniedException", "no"), fault.Blocked, awserror.Unauthorized, []string{"redshift-serverless:GetCredentials on arn:aws:redshift-serverless:us-west-2:*:workgroup/*"}, -1},
		"for nobody": {func(s *resolve.Settings) { s.Login = resolve.Password }, awstest.Answer{}, fault.Bug, "Unforeseen", []string{"password"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			s := settings(f)
			if tc.change != nil {
				tc.change(&s)
			}
			got, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			fails(t, err, tc.kind, tc.reason, tc.says...)
			if got != (lease.Lease{}) {
				t.Errorf("got %+v beside the error", got)
			}
			if calls := len(f.Requests()); calls != tc.calls && tc.calls >= 0 {
				t.Errorf("%d calls, want %d", calls, tc.calls)
			}
		})
	}
}

// The service says the same of a cluster that is paused and of one that is busy, so its status is looked at, where that is allowed anyway.
func TestMintFromAClusterThatGivesNone(t *testing.T) {
	refusal := awstest.QueryError(400, "InvalidClusterState", "There is an operation running on the Cluster. Please try again at a later time.")
	for name, tc := range map[string]struct {
		status awstest.Answer
		host   string
		kind   fault.Kind
		reason string
		says   []string
		calls  int
	}{
		"paused":              {described1("paused", endpoint), "", fault.Blocked, awslease.WarehouseParked, []string{"get a login", "it is paused; resume the cluster"}, 2},
		"pausing":             {described1("pausing", endpoint), "", fault.Blocked, awslease.WarehouseParked, []string{"it is pausing; resume the cluster, once it is paused"}, 2},
		"rebooting":           {described1("rebooting", endpoint), "", fault.Retry, awslease.WarehouseNotReady, []string{"its status is rebooting", "wait until it is available"}, 2},
		"resizing":            {described1("resizing", endpoint), "", fault.Retry, awslease.WarehouseNotReady, []string{"its status is resizing", "wait until it is available"}, 2},
		"not to be looked at": {awstest.QueryError(403, "AccessDenied", "no"), "", fault.Blocked, awslease.WarehouseParked, []string{"There is an operation running", "if it is paused, somebody has to resume it"}, 2},
		"without a status":    {described1("", endpoint), "", fault.Blocked, awslease.WarehouseParked, []string{"There is an operation running"}, 2},
		"with a host":         {described1("rebooting", endpoint), "c1.example.com", fault.Blocked, awslease.WarehouseParked, []string{"There is an operation running", "if it is paused"}, 1},
	} {
		for _, api := range []resolve.Login{resolve.GetClusterCredentials, resolve.GetClusterCredentialsWithIAM} {
			t.Run(name+" "+string(api), func(t *testing.T) {
				alone(t, "", "")
				f := serve(t, refusal, tc.status)
				s := settings(f)
				s.Login, s.Host = api, tc.host
				_, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
				fails(t, err, tc.kind, tc.reason, tc.says...)
				if tc.kind == fault.Retry && strings.Contains(err.Error(), "resume") {
					t.Errorf("%v\nis not to be resumed", err)
				}
				if n := len(f.Requests()); n != tc.calls {
					t.Errorf("%d calls, want %d", n, tc.calls)
				}
			})
		}
	}
}
