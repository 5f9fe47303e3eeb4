package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// driverString is what somebody may have from the ODBC driver.
const driverString = "Driver={Amazon Redshift (x64)};Server=c1.abc.us-west-2.redshift.amazonaws.com;IAM=1;DbUser=reporting;AutoCreate=1;DbGroups=b, a;" +
	"Database=sales;AccessKeyID=AKIDEXAMPLE000000KEY;SecretAccessKey=of nobody at all"

func TestExplain(t *testing.T) {
	w := start(t)
	before := w.AWS.Calls().Last()
	out := succeed(t, "", "explain", driverString)
	if calls := w.AWS.Calls().List(awshttp.Filter{After: before}); len(calls) > 0 {
		t.Errorf("it calls %s", calls[0].Operation)
	}
	says(t, out,
		"Region           us-west-2                                host", "ClusterID        c1                                       host",
		"AccessKeyID      …0KEY                                    explicit", "SSLMode          verify-full                              default",
		"notice: Driver is ignored",
		"AWS credentials: access key",
		"1. redshift:GetClusterCredentials DbUser=reporting DbName=sales DbGroups=a,b AutoCreate=true ClusterIdentifier=c1",
		`"arn:aws:redshift:us-west-2:*:dbuser:c1/reporting"`, `"redshift:CreateClusterUser"`, `"arn:aws:redshift:us-west-2:*:dbgroup:c1/a"`)
	if strings.Contains(out, "of nobody") || strings.Contains(out, "AKIDEXAMPLE000000KEY") {
		t.Errorf("a secret is in:\n%s", out)
	}
	if piped := succeed(t, driverString+"\n", "explain", "-"); piped != out {
		t.Errorf("from standard input it says:\n%s", piped)
	}
}

func TestExplainAsJSON(t *testing.T) {
	start(t)
	var of struct {
		Login, AWSCredentials string
		Values                []struct{ Property, Value, From string }
		Calls                 []struct {
			Action     string
			Parameters map[string]string
		}
		Policy         struct{ Statement []any }
		PoliciesBefore []struct {
			Of     string
			Policy struct{ Statement []struct{ Action []string } }
		}
	}
	in := `{"serverlessworkgroup": "reports", "region": "eu-central-1", "iam": true, "port": 5439, "db_groups": ["a", "b"], "duration": null, "role_arn": "arn:aws:iam::111122223333:role/reader"}`
	if err := json.Unmarshal([]byte(succeed(t, in, "explain", "-json", "-")), &of); err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, c := range of.Calls {
		actions = append(actions, c.Action)
	}
	if want := []string{"sts:AssumeRole", "redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"}; !slices.Equal(actions, want) {
		t.Errorf("calls %v; want %v", actions, want)
	}
	if of.Login != "GetCredentials" || of.Calls[1].Parameters["workgroupName"] != "reports" || len(of.Policy.Statement) != 2 || len(of.PoliciesBefore) != 1 || of.PoliciesBefore[0].Policy.Statement[0].Action[0] != actions[0] ||
		of.AWSCredentials != "default chain, and with it the role arn:aws:iam::111122223333:role/reader" {
		t.Errorf("the JSON holds %+v", of)
	}
}

func TestExplainWithoutAWS(t *testing.T) {
	says(t, succeed(t, "", "explain", "redshift://app:of-nobody@warehouse.example.com/sales"), "No AWS call is made", "PWD              [secret]")
}

// A program's properties can be looked at where its profile is not.
func TestExplainOnAnotherMachine(t *testing.T) {
	start(t)
	says(t, succeed(t, "", "explain", "Server=c1.abc.us-west-2.redshift.amazonaws.com;IAM=1;DbUser=app;Profile=elsewhere"),
		"the AWS configuration of this machine cannot be used", "ProfileMissing", "AWS credentials: profile elsewhere", "dbuser:c1/app")
}

func TestExplainOfAnObjectThatIsNone(t *testing.T) {
	start(t)
	for in, says := range map[string]string{`{"iam": {"on": true}}`: "iam: is an object; write a text", `{"iam": `: "JSON: is no single object"} {
		if out, errs, code := run(t, in, "explain", "-"); code != exitFailed || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%s: ended with %d and wrote %q, %q", in, code, out, errs)
		}
	}
}

// The content of an authentication profile is read only when somebody asks for it.
func TestExplainWithAnAuthenticationProfile(t *testing.T) {
	w := start(t)
	content := `{"ClusterIdentifier": "examplecluster", "dbuser": "app", "host": "localhost"}`
	_, err := redshift.NewFromConfig(configured(w)).CreateAuthenticationProfile(t.Context(), &redshift.CreateAuthenticationProfileInput{
		AuthenticationProfileName: new("explained"), AuthenticationProfileContent: &content,
	})
	if err != nil {
		t.Fatal(err)
	}
	const given = "AuthProfile=explained;IAM=1;Region=us-east-1"
	says(t, succeed(t, "", "explain", given), "the authentication profile explained was not read", "Not to be used as it is", "1. redshift:DescribeAuthenticationProfiles AuthenticationProfileName=explained")
	says(t, succeed(t, "", "explain", "-read", given),
		"ClusterID        examplecluster  authentication profile", "2. redshift:GetClusterCredentials DbUser=app", "ClusterIdentifier=examplecluster")
	says(t, succeed(t, "", "explain", "-read", given+";RoleArn=arn:aws:iam::111122223333:role/reader"),
		"The smallest policy of the access key in the environment, which reads the authentication profile and assumes a role:",
		"The smallest policy of arn:aws:iam::111122223333:role/reader, which makes the other calls:")
	says(t, succeed(t, "", "explain", given+";AccessKeyID=AKIDEXAMPLE000000KEY;SecretAccessKey=of nobody at all;InstanceProfile=1"),
		"The smallest policy of the access key that is given, which reads the authentication profile:", "2. redshift:GetClusterCredentials")
}

func TestExplainSaysAllThatIsWrong(t *testing.T) {
	out, errs, code := run(t, "", "explain", "Server=c1.abc.us-west-2.redshift.amazonaws.com;IAM=1;Sever=x;sslmode=require;AutoCreate=perhaps")
	if code != exitFailed || out != "" {
		t.Errorf("it ended with %d and wrote %q", code, out)
	}
	says(t, errs, "sluice explain: the set of properties is not right:", "Sever: is no property; did you mean Server?", "SSLMode: is neither", "AutoCreate: is neither on nor off")
}
