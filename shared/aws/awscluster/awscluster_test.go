package awscluster_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/shared/aws/awscluster"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// described is a cluster as DescribeClusters answers it.
func described(clusters string) awstest.Answer {
	return awstest.Answer{Body: `<DescribeClustersResponse><DescribeClustersResult><Clusters>` + clusters + `</Clusters></DescribeClustersResult></DescribeClustersResponse>`}
}

func attacher(t *testing.T, answers ...awstest.Answer) (*awscluster.Clusters, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awscluster.New(redshift.NewFromConfig(s.Config())), s
}

func TestClusterWithItsRoles(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want federation.Cluster
	}{
		"with all": {`<Cluster><ClusterIdentifier>c1</ClusterIdentifier><ClusterStatus>available, prep-for-resize</ClusterStatus><ClusterAvailabilityStatus>Available</ClusterAvailabilityStatus>
			<Endpoint><Address>c1.example.com</Address><Port>5439</Port></Endpoint>
			<IamRoles><ClusterIamRole><IamRoleArn>arn:a</IamRoleArn><ApplyStatus>in-sync</ApplyStatus></ClusterIamRole><ClusterIamRole><IamRoleArn>arn:b</IamRoleArn><ApplyStatus>adding</ApplyStatus></ClusterIamRole></IamRoles>
			<VpcSecurityGroups><VpcSecurityGroup><VpcSecurityGroupId>sg-1</VpcSecurityGroupId><Status>active</Status></VpcSecurityGroup>
			<VpcSecurityGroup><VpcSecurityGroupId>sg-2</VpcSecurityGroupId><Status>removing</Status></VpcSecurityGroup></VpcSecurityGroups><VpcId>vpc-1</VpcId><EnhancedVpcRouting>true</EnhancedVpcRouting></Cluster>`,
			federation.Cluster{Status: "available, prep-for-resize", Availability: "Available", Host: "c1.example.com",
				Roles: map[string]string{"arn:a": federation.InSync, "arn:b": federation.Adding}, SecurityGroups: []string{"sg-1"}, VPC: "vpc-1", EnhancedRouting: true}},
		"being made": {`<Cluster><ClusterIdentifier>c1</ClusterIdentifier><ClusterStatus>creating</ClusterStatus><ClusterAvailabilityStatus>Modifying</ClusterAvailabilityStatus></Cluster>`,
			federation.Cluster{Status: "creating", Availability: "Modifying", Roles: map[string]string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, s := attacher(t, described(tc.body))
			if got, found, err := a.Cluster(t.Context(), "c1"); err != nil || !found || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Cluster = %+v, %t, %v\nwant %+v", got, found, err, tc.want)
			}
			if r := s.Requests(); len(r) != 1 || !r[0].IsForm("DescribeClusters", map[string]string{"ClusterIdentifier": "c1"}) {
				t.Errorf("sent %+v", r)
			}
		})
	}
	for name, answer := range map[string]awstest.Answer{"by its code": awstest.QueryError(404, "ClusterNotFound", "Cluster c1 not found."), "by an empty list": described("")} {
		t.Run("not there, "+name, func(t *testing.T) {
			a, _ := attacher(t, answer)
			if _, found, err := a.Cluster(t.Context(), "c1"); found || err != nil {
				t.Errorf("%t, %v", found, err)
			}
		})
	}
}

func TestModifyRoles(t *testing.T) {
	a, s := attacher(t, awstest.Answer{Body: `<ModifyClusterIamRolesResponse><ModifyClusterIamRolesResult/></ModifyClusterIamRolesResponse>`})
	if err := a.ModifyRoles(t.Context(), "c1", []string{"arn:a", "arn:b"}, []string{"arn:c"}); err != nil {
		t.Error(err)
	}
	if err := a.ModifyRoles(t.Context(), "c1", nil, []string{"arn:c"}); err != nil {
		t.Error(err)
	}
	r := s.Requests()
	if len(r) != 2 || !r[0].IsForm("ModifyClusterIamRoles", map[string]string{
		"ClusterIdentifier": "c1", "AddIamRoles.IamRoleArn.1": "arn:a", "AddIamRoles.IamRoleArn.2": "arn:b", "RemoveIamRoles.IamRoleArn.1": "arn:c",
	}) {
		t.Errorf("sent %+v", r)
	}
	if !r[1].IsForm("ModifyClusterIamRoles", map[string]string{"ClusterIdentifier": "c1", "RemoveIamRoles.IamRoleArn.1": "arn:c"}) {
		t.Errorf("sent %+v", r[1])
	}
}

func TestModifyRolesFails(t *testing.T) {
	for _, tc := range []struct {
		status       int
		code, reason string
		kind         fault.Kind
	}{
		{400, "InvalidClusterState", federation.ClusterBusy, fault.Retry},
		{400, "InvalidParameterValue", federation.NotAssumable, fault.Blocked},
		{400, "RoleQuotaExceeded", federation.TooManyRoles, fault.Blocked},
		{400, "IamRoleQuotaExceededFault", federation.TooManyRoles, fault.Blocked},
		{404, "ClusterNotFound", federation.ClusterMissing, fault.Blocked},
		{403, "AccessDenied", awserror.Unauthorized, fault.Blocked},
		{400, "Throttling", awserror.Throttled, fault.Retry},
		{500, "InternalFailure", awserror.Unavailable, fault.Retry},
	} {
		t.Run(tc.code, func(t *testing.T) {
			a, _ := attacher(t, awstest.QueryError(tc.status, tc.code, "The IAM role x is not valid."))
			err := a.ModifyRoles(t.Context(), "c1", []string{"arn:a"}, nil)
			if fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), "cluster c1") || !strings.Contains(err.Error(), "The IAM role x is not valid.") {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
		})
	}
	t.Run("a repetition of the call whose answer was lost finds the cluster busy", func(t *testing.T) {
		a, s := attacher(t, awstest.Answer{Drop: true}, awstest.QueryError(400, "InvalidClusterState", "being modified by a concurrent operation"))
		if err := a.ModifyRoles(t.Context(), "c1", []string{"arn:a"}, nil); fault.ReasonOf(err) != federation.ClusterBusy || len(s.Requests()) != 2 {
			t.Errorf("%v, %d calls", err, len(s.Requests()))
		}
	})
}
