package access_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

const (
	bus  = "arn:aws:events:us-east-1:111122223333:event-bus/sluice-test"
	logs = "arn:aws:logs:us-east-1:111122223333:log-group:/sluice/test/x:*"
)

// plain is a stage that allows the least: no groups, no new users, AWS's own key, no VPC.
func plain() config.Stage {
	return config.Stage{
		Name: "test", Account: "111122223333", Region: "us-east-1", Deployers: []string{"arn:aws:iam::111122223333:role/deploy"},
		Warehouses: map[string]config.Warehouse{
			"analytics": {Cluster: "big", Allow: config.Allow{Databases: []string{"sales"}, Users: []string{"app_*", "etl"}}},
			"lab":       {Cluster: "small", Allow: config.Allow{Databases: []string{"play"}, Users: []string{"lab_*"}}},
		},
		Consumers: map[string]config.Consumer{
			"load":   {Warehouse: "analytics"},
			"report": {Warehouse: "analytics", Readers: []string{"arn:aws:iam::111122223333:role/report"}},
			"try":    {Warehouse: "lab"},
		},
	}
}

func statement(sid string, actions, resources []string, when access.Conditions) access.Statement {
	return access.Statement{Sid: sid, Actions: actions, Resources: resources, Conditions: when}
}

func list(texts ...string) []string { return texts }

func check(t *testing.T, got []access.Statement, want ...access.Statement) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("statement %d is missing: %+v", i, want[i])
		case i >= len(want):
			t.Errorf("statement %d is too much: %+v", i, got[i])
		case !reflect.DeepEqual(got[i], want[i]):
			t.Errorf("statement %d\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

var announce = statement("Announce", list("events:PutEvents"), list(bus), access.Conditions{"StringEquals": {"events:source": {"sluice"}}})

func TestRotate(t *testing.T) {
	secrets := list("arn:secret/load", "arn:secret/report")
	got := access.Rotate(plain(), "analytics", access.Resources{Secrets: secrets, Bus: bus, Logs: logs})
	check(t, got,
		statement("KeepLeases", list("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"), secrets, nil),
		statement("MintLogins", list("redshift:GetClusterCredentials"), list("arn:aws:redshift:us-east-1:111122223333:dbuser:big/app_*", "arn:aws:redshift:us-east-1:111122223333:dbuser:big/etl"), nil),
		statement("MintForDatabases", list("redshift:GetClusterCredentials"), list("arn:aws:redshift:us-east-1:111122223333:dbname:big/sales"), nil),
		statement("FindWarehouses", list("redshift:DescribeClusters"), list("*"), nil),
		announce,
		statement("WriteLogs", list("logs:CreateLogStream", "logs:PutLogEvents"), list(logs), nil),
	)
}

func TestRotateGetsMoreOnlyWhereTheWarehouseSaysSo(t *testing.T) {
	base := access.Rotate(plain(), "lab", access.Resources{})
	for _, tc := range []struct {
		name   string
		change func(*config.Stage, *config.Warehouse)
		want   []access.Statement // what base does not have
	}{
		{"new users", func(_ *config.Stage, w *config.Warehouse) { w.Allow.AutoCreate = true }, []access.Statement{
			statement("MintLogins", list("redshift:GetClusterCredentials", "redshift:CreateClusterUser"), list("arn:aws:redshift:us-east-1:111122223333:dbuser:small/lab_*"), nil),
		}},
		{"groups", func(_ *config.Stage, w *config.Warehouse) { w.Allow.Groups = []string{"g", "h"} }, []access.Statement{
			statement("JoinGroups", list("redshift:JoinGroup"), list("arn:aws:redshift:us-east-1:111122223333:dbgroup:small/g", "arn:aws:redshift:us-east-1:111122223333:dbgroup:small/h"), nil),
		}},
		{"a customer's key", func(s *config.Stage, _ *config.Warehouse) { s.Key = "arn:key" }, []access.Statement{
			statement("UseKey", list("kms:Decrypt", "kms:GenerateDataKey"), list("arn:key"), access.Conditions{
				"StringEquals": {"kms:ViaService": {"secretsmanager.us-east-1.amazonaws.com"}},
				"StringLike":   {"kms:EncryptionContext:SecretARN": {"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/test/lab/*-??????"}},
			}),
		}},
		{"a network", func(_ *config.Stage, w *config.Warehouse) { w.Network = &config.Network{} }, []access.Statement{
			statement("FindNetwork", list("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"), list("*"), nil),
			statement("AttachNetwork", list("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
				list("arn:aws:ec2:us-east-1:111122223333:*/*"), nil),
			{Sid: "LeaveNetworkToLambda", Deny: true, Resources: list("*"), Actions: list(
				"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
				"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
			), Conditions: access.Conditions{"ArnLike": {"lambda:SourceFunctionArn": {"arn:aws:lambda:us-east-1:111122223333:function:*"}}}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plain()
			w := s.Warehouses["lab"]
			tc.change(&s, &w)
			s.Warehouses["lab"] = w
			more := slices.DeleteFunc(access.Rotate(s, "lab", access.Resources{}), func(got access.Statement) bool {
				return slices.ContainsFunc(base, func(b access.Statement) bool { return reflect.DeepEqual(b, got) })
			})
			check(t, more, tc.want...)
		})
	}
}

func TestRefresh(t *testing.T) {
	secrets, functions := list("arn:secret/load", "arn:secret/try"), list("arn:rotate/analytics", "arn:rotate/lab")
	got := access.Refresh(plain(), access.Resources{Secrets: secrets, Functions: functions, Bus: bus, Logs: logs})
	check(t, got,
		statement("StartRotations", list("secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds", "secretsmanager:RotateSecret", "secretsmanager:UpdateSecretVersionStage"), secrets, nil),
		statement("InvokeRotation", list("lambda:InvokeFunction"), functions, nil),
		statement("FindWarehouses", list("redshift:DescribeClusters"), list("*"), nil),
		announce,
		statement("WriteLogs", list("logs:CreateLogStream", "logs:PutLogEvents"), list(logs), nil),
	)
}

func TestSecret(t *testing.T) {
	guard := access.Statement{
		Sid: "ChangeByDeploymentOnly", Deny: true, Principals: map[string][]string{"AWS": {"*"}}, Resources: list("*"),
		Actions:    list("secretsmanager:TagResource", "secretsmanager:UntagResource", "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy"),
		Conditions: access.Conditions{"ArnNotLike": {"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/deploy"}}},
	}
	check(t, access.Secret(plain(), "load"), guard)
	check(t, access.Secret(plain(), "report"), access.Statement{
		Sid: "Read", Principals: map[string][]string{"AWS": {"arn:aws:iam::111122223333:role/report"}}, Resources: list("*"),
		Actions: list("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"),
	}, guard)
}

func TestSecretsOf(t *testing.T) {
	arns := map[string]string{"load": "arn:load-AAAAAA", "report": "arn:report-BBBBBB", "try": "arn:try-CCCCCC"}
	s := plain()
	if got, want := access.SecretsOf(s, "analytics", arns), list("arn:load-AAAAAA", "arn:report-BBBBBB"); !slices.Equal(got, want) {
		t.Errorf("few consumers: SecretsOf = %v, want %v", got, want)
	}
	for i := range access.MaxExact - len(s.Consumers) {
		s.Consumers[fmt.Sprint("more", i)] = config.Consumer{Warehouse: "lab"}
	}
	if !access.Exact(s) {
		t.Errorf("%d consumers are not named one by one", len(s.Consumers))
	}
	s.Consumers["last"] = config.Consumer{Warehouse: "lab"}
	if got, want := access.SecretsOf(s, "analytics", arns), list("arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/test/analytics/*-??????"); !slices.Equal(got, want) {
		t.Errorf("%d consumers: SecretsOf = %v, want %v", len(s.Consumers), got, want)
	}
}

func TestPartition(t *testing.T) {
	s := plain()
	s.Region = "cn-north-1"
	got := access.SecretPattern(s, "lab")
	if want := "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:sluice/test/lab/*-??????"; got != want {
		t.Errorf("SecretPattern = %s, want %s", got, want)
	}
}

func TestDocument(t *testing.T) {
	got := access.Document(access.Trust("scheduler.amazonaws.com", access.Conditions{"StringEquals": {"aws:SourceAccount": {"111122223333"}}}))
	want := map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "Trust", "Effect": "Allow", "Principal": map[string][]string{"Service": {"scheduler.amazonaws.com"}}, "Action": list("sts:AssumeRole"),
		"Condition": access.Conditions{"StringEquals": {"aws:SourceAccount": {"111122223333"}}},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Document =\n%v\nwant\n%v", got, want)
	}
	guard := access.Document(access.Secret(plain(), "load"))["Statement"].([]any)[0].(map[string]any)
	if guard["Effect"] != "Deny" {
		t.Errorf("the guard of a secret has the effect %v", guard["Effect"])
	}
}

func TestProblems(t *testing.T) {
	s := plain()
	if problems := access.Problems(s); len(problems) != 0 {
		t.Errorf("plain stage: %v", problems)
	}
	w := s.Warehouses["analytics"]
	for i := range 120 {
		w.Allow.Users = append(w.Allow.Users, fmt.Sprintf("a_user_with_a_long_name_%03d", i))
	}
	s.Warehouses["analytics"] = w
	got := access.Problems(s).Error()
	if !strings.HasPrefix(got, "warehouses.analytics.allow: make a role's policy of 11") || !strings.HasSuffix(got, "and IAM takes 10240; use patterns of users, or split the warehouse") {
		t.Errorf("120 users: %s", got)
	}
}

// TestLargestStageFits: the limits of the configuration keep every role below IAM's.
func TestLargestStageFits(t *testing.T) {
	long := strings.Repeat("n", 40)
	for _, n := range []int{access.MaxExact, config.MaxConsumers} {
		s := plain()
		s.Name, s.Key = long, "arn:aws:kms:us-east-1:111122223333:key/"+long
		s.Warehouses, s.Consumers = map[string]config.Warehouse{}, map[string]config.Consumer{}
		for i := range n {
			warehouse := fmt.Sprintf("%s%02d", long[2:], i%15)
			s.Warehouses[warehouse] = config.Warehouse{Cluster: strings.Repeat("c", 63), Network: &config.Network{}, Allow: config.Allow{Databases: list("d"), Users: list("u")}}
			s.Consumers[fmt.Sprintf("%s%03d", long[3:], i)] = config.Consumer{Warehouse: warehouse}
		}
		if problems := access.Problems(s); len(problems) != 0 {
			t.Errorf("%d consumers: %v", n, problems)
		}
	}
}
