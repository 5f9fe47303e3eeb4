package awsrds_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsrds"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

func databases(t *testing.T, answers ...awstest.Answer) (*awsrds.Databases, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsrds.New(rds.NewFromConfig(s.Config())), s
}

func described(inside string) awstest.Answer {
	return awstest.Answer{Body: `<DescribeDBInstancesResponse><DescribeDBInstancesResult>` + inside + `</DescribeDBInstancesResult></DescribeDBInstancesResponse>`}
}

const (
	full = `<DBInstance><DBInstanceIdentifier>orders</DBInstanceIdentifier><DbiResourceId>db-ABC</DbiResourceId><DBInstanceArn>arn:aws:rds:us-east-1:111122223333:db:orders</DBInstanceArn>
		<Engine>postgres</Engine><DBInstanceStatus>available</DBInstanceStatus><DBName>shop</DBName><Endpoint><Address>orders.example.com</Address><Port>5432</Port></Endpoint>
		<MasterUserSecret><SecretArn>arn:s</SecretArn><SecretStatus>rotating</SecretStatus><KmsKeyId>k</KmsKeyId></MasterUserSecret>
		<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId><Status>active</Status></VpcSecurityGroupMembership>
		<VpcSecurityGroupMembership><VpcSecurityGroupId>sg-2</VpcSecurityGroupId><Status>removing</Status></VpcSecurityGroupMembership></VpcSecurityGroups>
		<TagList><Tag><Key>sluice:warehouse</Key><Value>analytics</Value></Tag></TagList></DBInstance>`
	young = `<DBInstance><DBInstanceIdentifier>users</DBInstanceIdentifier><DbiResourceId>db-DEF</DbiResourceId><Engine>postgres</Engine><DBInstanceStatus>creating</DBInstanceStatus></DBInstance>`
)

var orders = source.Database{
	Endpoint: source.Endpoint{Host: "orders.example.com", Port: 5432, Database: "shop"}, Engine: "postgres", ResourceID: "db-ABC", ARN: "arn:aws:rds:us-east-1:111122223333:db:orders",
	Status: "available", MasterSecret: "arn:s", SecretStatus: "rotating", SecurityGroups: []string{"sg-1"}, Tags: map[string]string{"sluice:warehouse": "analytics"},
}

func TestInstance(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want source.Database
	}{
		"with all":   {full, orders},
		"being made": {young, source.Database{Engine: "postgres", ResourceID: "db-DEF", Status: "creating", Tags: map[string]string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := databases(t, described(`<DBInstances>`+tc.body+`</DBInstances>`))
			got, found, err := d.Instance(t.Context(), "orders")
			if err != nil || !found || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Instance = %+v, %t, %v\nwant %+v", got, found, err, tc.want)
			}
			if r := s.Requests(); len(r) != 1 || !r[0].IsForm("DescribeDBInstances", map[string]string{"DBInstanceIdentifier": "orders"}) {
				t.Errorf("sent %+v", r)
			}
		})
	}
}

func TestInstanceThatIsNotThere(t *testing.T) {
	for name, answer := range map[string]awstest.Answer{
		"by its code": awstest.QueryError(404, "DBInstanceNotFound", "DBInstance orders not found."), "by an empty list": described(`<DBInstances/>`),
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := databases(t, answer)
			if _, found, err := d.Instance(t.Context(), "orders"); found || err != nil {
				t.Errorf("%t, %v", found, err)
			}
		})
	}
}

func TestInstances(t *testing.T) {
	d, s := databases(t, described(`<Marker>more</Marker><DBInstances>`+young+`</DBInstances>`), described(`<DBInstances>`+full+`</DBInstances>`))
	got, err := d.Instances(t.Context(), "sluice:warehouse")
	if err != nil || !reflect.DeepEqual(got, map[string]source.Database{"orders": orders}) {
		t.Errorf("Instances = %+v, %v", got, err)
	}
	if r := s.Requests(); len(r) != 2 || !r[0].IsForm("DescribeDBInstances", map[string]string{"MaxRecords": "100"}) ||
		!r[1].IsForm("DescribeDBInstances", map[string]string{"MaxRecords": "100", "Marker": "more"}) {
		t.Errorf("sent %+v", r)
	}
}

func TestRefusals(t *testing.T) {
	for code, want := range map[string]struct {
		kind   fault.Kind
		reason string
	}{
		"AccessDenied": {fault.Blocked, awserror.Unauthorized}, "Throttling": {fault.Retry, awserror.Throttled}, "InvalidParameterValue": {fault.Blocked, awserror.Rejected},
	} {
		d, _ := databases(t, awstest.QueryError(400, code, "why"))
		_, found, err := d.Instance(t.Context(), "orders")
		_, listing := d.Instances(t.Context(), "sluice:warehouse")
		for _, err := range []error{err, listing} {
			if found || fault.KindOf(err) != want.kind || fault.ReasonOf(err) != want.reason || !strings.Contains(err.Error(), code+": why") {
				t.Errorf("%s: %v", code, err)
			}
		}
	}
}
