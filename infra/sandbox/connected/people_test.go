package connected_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

const account = "arn:aws:iam::111122223333:"

// mayLogIn is what it takes to log in to the cluster as oneself.
var mayLogIn = allow("redshift:GetClusterCredentialsWithIAM", "arn:aws:redshift:us-east-1:111122223333:dbname:examplecluster/exampledb")

func allow(action string, resources ...string) resolve.Statement {
	return resolve.Statement{Actions: []string{action}, Resources: resources}
}

// document is a policy of these statements.
func document(statements ...resolve.Statement) string {
	type statement struct {
		Effect           string
		Action, Resource []string
	}
	all := []statement{}
	for _, s := range statements {
		all = append(all, statement{"Allow", s.Actions, s.Resources})
	}
	return string(must(json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all})))
}

// born counts the users and roles that tests have made, so that none has the name of another.
var born atomic.Int64

func newName(kind string) string { return fmt.Sprint(kind, born.Add(1)) }

// user makes an IAM user who may do what the statements allow.
func (s *scene) user(may ...resolve.Statement) (name string, key identity.Credentials) {
	name = newName("user")
	policies := map[string]string{}
	if len(may) > 0 {
		policies["own"] = document(may...)
	}
	key = s.Identity.AddUser(name, policies)
	book.hide(key.SecretAccessKey.Reveal())
	return name, key
}

// do makes a call as the operator, in process.
func (s *scene) do(service, operation string, input any) map[string]any {
	s.Helper()
	out, err := s.AWS.Do(s.Context(), awshttp.Principal{ARN: account + "user/operator", Account: awshttp.Account}, service, operation, input)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// Trust policies.
var (
	trustAccount  = trust(`"AWS":"`+account+`root"`, "sts:AssumeRole", "")
	trustInstance = trust(`"Service":"ec2.amazonaws.com"`, "sts:AssumeRole", "")
	trustTasks    = trust(`"Service":"ecs-tasks.amazonaws.com"`, "sts:AssumeRole", "")
	trustPods     = trust(`"Service":"pods.eks.amazonaws.com"`, `sts:AssumeRole","sts:TagSession`, "")
)

func trust(principal, actions, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{` + principal + `},"Action":["` + actions + `"]` + condition + `}]}`
}

// trustOutsider trusts whoever of the account knows an external id.
func trustOutsider(id string) string {
	return trust(`"AWS":"`+account+`root"`, "sts:AssumeRole", `,"Condition":{"StringEquals":{"sts:ExternalId":"`+id+`"}}`)
}

// role makes a role that may do what the statements allow.
func (s *scene) role(trust string, may ...resolve.Statement) (name, arn string) {
	s.Helper()
	name = newName("role")
	s.do("iam", "CreateRole", map[string]any{"RoleName": name, "AssumeRolePolicyDocument": trust})
	s.may(name, may...)
	return name, account + "role/" + name
}

// may replaces what a role may do.
func (s *scene) may(role string, statements ...resolve.Statement) {
	s.Helper()
	if len(statements) == 0 {
		statements = []resolve.Statement{allow("s3:ListAllMyBuckets", "*")} // a policy has at least one
	}
	s.do("iam", "PutRolePolicy", map[string]any{"RoleName": role, "PolicyName": "own", "PolicyDocument": document(statements...)})
}

// userMay replaces what a user may do.
func (s *scene) userMay(name string, statements ...resolve.Statement) {
	s.Helper()
	s.do("iam", "PutUserPolicy", map[string]any{"UserName": name, "PolicyName": "own", "PolicyDocument": document(statements...)})
}

// session is the key of a session of a role that trusts the account.
func (s *scene) session(arn, name string) identity.Credentials {
	s.Helper()
	key, _, err := s.Identity.Assume(awshttp.Principal{ARN: account + "user/operator", Account: awshttp.Account}, arn, name, time.Hour)
	if err != nil {
		s.Fatal(err)
	}
	book.hide(key.SecretAccessKey.Reveal(), key.SessionToken.Reveal())
	return key
}

// keyOf are the properties of a key.
func keyOf(key identity.Credentials) map[string]string {
	return map[string]string{"AccessKeyID": key.AccessKeyID, "SecretAccessKey": key.SecretAccessKey.Reveal(), "SessionToken": key.SessionToken.Reveal()}
}

// keysOf are the lines of a profile with a key.
func keysOf(key identity.Credentials) string {
	text := "aws_access_key_id = " + key.AccessKeyID + "\naws_secret_access_key = " + key.SecretAccessKey.Reveal() + "\n"
	if !key.SessionToken.IsZero() {
		text += "aws_session_token = " + key.SessionToken.Reveal() + "\n"
	}
	return text
}

// setKey puts a key into the environment.
func (s *scene) setKey(key identity.Credentials) {
	s.Setenv("AWS_ACCESS_KEY_ID", key.AccessKeyID)
	s.Setenv("AWS_SECRET_ACCESS_KEY", key.SecretAccessKey.Reveal())
	s.Setenv("AWS_SESSION_TOKEN", key.SessionToken.Reveal())
}

// profiles writes the shared configuration file and the shared credentials file.
func (s *scene) profiles(config, credentials string) {
	s.Helper()
	write(s, os.Getenv("AWS_CONFIG_FILE"), config)
	write(s, os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), credentials)
}

// write writes a file that is nobody else's business, and makes its folder.
func write(s *scene, path, text string) string {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// databaseUser is who the caller of that ARN is in the database.
func databaseUser(caller string) string {
	parts := strings.Split(caller, "/")
	if strings.Contains(caller, ":assumed-role/") {
		return "IAMR:" + parts[1]
	}
	return "IAM:" + parts[len(parts)-1]
}

func encode(v any) []byte { return must(json.Marshal(v)) }
