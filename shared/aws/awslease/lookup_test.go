package awslease_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

func described(inside string) awstest.Answer {
	return answer("DescribeClusters", "<Clusters>"+inside+"</Clusters>")
}

func described1(status, endpoint string) awstest.Answer {
	return described("<Cluster><ClusterIdentifier>c1</ClusterIdentifier><ClusterStatus>" + status + "</ClusterStatus>" + endpoint + "</Cluster>")
}

const endpoint = "<Endpoint><Address>c1.example.com</Address><Port>5440</Port></Endpoint>"

func TestEndpointOfCluster(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string // empty if there is an endpoint
		says   []string
	}{
		"available":              {answer: described1("available", endpoint)},
		"being resized":          {answer: described1("resizing", endpoint)},
		"being made":             {described1("creating", ""), fault.Retry, awslease.WarehouseNotReady, []string{"cluster c1", "creating"}},
		"without a port":         {described1("creating", "<Endpoint><Address>c1.example.com</Address></Endpoint>"), fault.Retry, awslease.WarehouseNotReady, nil},
		"paused":                 {described1("paused", endpoint), fault.Blocked, awslease.WarehouseParked, []string{"resume"}},
		"pausing":                {described1("pausing", endpoint), fault.Blocked, awslease.WarehouseParked, []string{"it is pausing", "once it is paused"}},
		"paused, at no endpoint": {described1("paused", ""), fault.Blocked, awslease.WarehouseParked, []string{"resume"}},
		"missing":                {awstest.QueryError(404, "ClusterNotFound", "Cluster c1 not found."), fault.Blocked, awslease.ClusterMissing, []string{"ClusterID"}},
		"none":                   {described(""), fault.Blocked, awslease.ClusterMissing, []string{"ClusterID"}},
		"denied": {awstest.QueryError(403, "AccessDenied", "no"), fault.Blocked, awserror.Unauthorized,
			[]string{"allow redshift:DescribeClusters on *,"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			s := settings(f)
			s.AccountID = "111122223333"
			host, port, err := load(t, static(), awslease.Options{}).Endpoint(t.Context(), s)
			if tc.reason != "" {
				fails(t, err, tc.kind, tc.reason, tc.says...)
			} else if err != nil || host != "c1.example.com" || port != 5440 {
				t.Errorf("%s:%d, %v", host, port, err)
			}
			if r := f.Requests(); len(r) != 1 || !r[0].IsForm("DescribeClusters", map[string]string{"ClusterIdentifier": "c1"}) {
				t.Errorf("sent %v", r)
			}
		})
	}
}

func TestEndpointOfWorkgroup(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   []string
	}{
		"available":  {answer: awstest.Answer{Body: `{"workgroup":{"workgroupName":"w","status":"AVAILABLE","endpoint":{"address":"w.example.com","port":5440}}}`}},
		"being made": {awstest.Answer{Body: `{"workgroup":{"workgroupName":"w","status":"CREATING"}}`}, fault.Retry, awslease.WarehouseNotReady, []string{"workgroup w", "creating"}},
		"missing":    {awstest.Error(400, "ResourceNotFoundException", "none"), fault.Blocked, awslease.WorkgroupMissing, []string{"Workgroup"}},
		"empty":      {awstest.Answer{Body: `{}`}, fault.Retry, awslease.AnswerIncomplete, nil},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			s := settings(f)
			s.Login, s.Cluster, s.Workgroup = resolve.GetCredentials, "", "w"
			host, port, err := load(t, static(), awslease.Options{}).Endpoint(t.Context(), s)
			if tc.reason != "" {
				fails(t, err, tc.kind, tc.reason, tc.says...)
			} else if err != nil || host != "w.example.com" || port != 5440 {
				t.Errorf("%s:%d, %v", host, port, err)
			}
			if r := f.Requests(); len(r) != 1 || !r[0].Is("GetWorkgroup", `{"workgroupName":"w"}`) {
				t.Errorf("sent %v", r)
			}
		})
	}
}

func associated(domain, cluster, more string) awstest.Answer {
	return answer("DescribeCustomDomainAssociations", "<Associations><Association><CustomDomainCertificateArn>a</CustomDomainCertificateArn><CertificateAssociations><CertificateAssociation><CustomDomainName>"+
		domain+"</CustomDomainName><ClusterIdentifier>"+cluster+"</ClusterIdentifier></CertificateAssociation></CertificateAssociations></Association></Associations>"+more)
}

func TestDomainCluster(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []awstest.Answer
		want    string
		kind    fault.Kind
		reason  string
		says    []string
	}{
		"known":                {answers: []awstest.Answer{associated("DW.example.com", "c7", "")}, want: "c7"},
		"on the second page":   {answers: []awstest.Answer{associated("other.example.com", "c6", "<Marker>m</Marker>"), associated("dw.example.com", "c7", "")}, want: "c7"},
		"another's":            {[]awstest.Answer{associated("other.example.com", "c6", "")}, "", fault.Blocked, awslease.DomainUnknown, []string{"dw.example.com", "custom domain", "ClusterID", "us-west-2"}},
		"none":                 {[]awstest.Answer{answer("DescribeCustomDomainAssociations", "")}, "", fault.Blocked, awslease.DomainUnknown, []string{"ClusterID"}},
		"refused as not known": {[]awstest.Answer{awstest.QueryError(404, "CustomDomainAssociationNotFoundFault", "none")}, "", fault.Blocked, awslease.DomainUnknown, []string{"custom domain", "ClusterID"}},
		"denied": {[]awstest.Answer{awstest.QueryError(403, "AccessDenied", "no")}, "", fault.Blocked, awserror.Unauthorized,
			[]string{"allow redshift:DescribeCustomDomainAssociations on *,"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answers...)
			s := settings(f)
			s.Cluster, s.CustomDomain = "", "dw.example.com"
			got, err := load(t, static(), awslease.Options{}).DomainCluster(t.Context(), s)
			if tc.reason != "" {
				fails(t, err, tc.kind, tc.reason, tc.says...)
			} else if err != nil || got != tc.want {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
			if r := f.Requests(); len(r) != len(tc.answers) || !r[0].IsForm("DescribeCustomDomainAssociations", map[string]string{"CustomDomainName": "dw.example.com"}) {
				t.Errorf("sent %v", r)
			}
		})
	}
}

func profiles(name, content string) awstest.Answer {
	return answer("DescribeAuthenticationProfiles", "<AuthenticationProfiles><member><AuthenticationProfileName>"+name+
		"</AuthenticationProfileName><AuthenticationProfileContent>"+content+"</AuthenticationProfileContent></member></AuthenticationProfiles>")
}

func TestAuthenticationProfile(t *testing.T) {
	for name, tc := range map[string]struct {
		answer awstest.Answer
		kind   fault.Kind
		reason string
		says   []string
	}{
		"there":      {answer: profiles("team", `{"AutoCreate":true}`)},
		"missing":    {awstest.QueryError(404, "AuthenticationProfileNotFoundFault", "none"), fault.Blocked, awslease.AuthenticationProfile, []string{"team", "AuthProfile"}},
		"none":       {answer("DescribeAuthenticationProfiles", ""), fault.Blocked, awslease.AuthenticationProfile, []string{"eu-west-1", "AuthProfile"}},
		"another's":  {profiles("teams", `{}`), fault.Blocked, awslease.AuthenticationProfile, nil},
		"denied":     {awstest.QueryError(403, "AccessDenied", "no"), fault.Blocked, awserror.Unauthorized, []string{"allow redshift:DescribeAuthenticationProfiles on *,"}},
		"by a proxy": {awstest.Answer{Status: 503, Body: "correct horse"}, fault.Retry, awserror.Unavailable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, "", "")
			f := serve(t, tc.answer)
			got, err := load(t, static(), awslease.Options{}).AuthenticationProfile(t.Context(), "eu-west-1", f.url, "team")
			if tc.reason != "" {
				fails(t, err, tc.kind, tc.reason, tc.says...)
				return
			}
			if err != nil || string(got) != `{"AutoCreate":true}` {
				t.Errorf("%s, %v", got, err)
			}
			if r := f.Requests(); len(r) != 1 || !r[0].IsForm("DescribeAuthenticationProfiles", map[string]string{"AuthenticationProfileName": "team"}) {
				t.Errorf("sent %v", r)
			}
			f.asked(t, "AKIDGIVEN/eu-west-1/redshift+"+token)
		})
	}
}

// Where no property says an endpoint, the SDK's own variables do, that of one service before that of all.
func TestEndpointURL(t *testing.T) {
	given, all, one := serve(t, described1("available", endpoint)), serve(t, described1("available", endpoint)), serve(t, described1("available", endpoint))
	for _, tc := range []struct {
		property      string
		all, redshift string
		want          *far
	}{
		{given.url, all.url, one.url, given}, {"", all.url, one.url, one}, {"", all.url, "", all},
	} {
		alone(t, "", "")
		t.Setenv("AWS_ENDPOINT_URL", tc.all)
		t.Setenv("AWS_ENDPOINT_URL_REDSHIFT", tc.redshift)
		before := len(tc.want.Requests())
		s := settings(given)
		s.Endpoint = tc.property
		if _, _, err := load(t, static(), awslease.Options{}).Endpoint(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if len(tc.want.Requests()) != before+1 {
			t.Errorf("%+v: asked elsewhere", tc)
		}
	}
}
