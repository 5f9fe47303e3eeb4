package connected_test

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// A kind is one of AWS credentials. use prepares them for somebody who may do what the statements allow, and returns the
// properties that lead there and who calls then.
type kind struct {
	name string
	use  func(s *scene, may ...resolve.Statement) (properties map[string]string, caller string)
}

func sessionOf(role, name string) string {
	return "arn:aws:sts::111122223333:assumed-role/" + role + "/" + name
}

var kinds = []kind{
	{"access key", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		return map[string]string{"AccessKeyID": key.AccessKeyID, "SecretAccessKey": key.SecretAccessKey.Reveal()}, account + "user/" + name
	}},
	{"access key with its secret as the password", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		return map[string]string{"AccessKeyID": key.AccessKeyID, "PWD": key.SecretAccessKey.Reveal()}, account + "user/" + name
	}},
	{"access key with session token", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustAccount, may...)
		return keyOf(s.session(arn, "held")), sessionOf(role, "held")
	}},
	{"profile with keys", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		s.profiles("", "[work]\n"+keysOf(key))
		return map[string]string{"Profile": "work"}, account + "user/" + name
	}},
	{"profile with a session", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustAccount, may...)
		s.profiles("[profile work]\n"+keysOf(s.session(arn, "kept")), "")
		return map[string]string{"Profile": "work"}, sessionOf(role, "kept")
	}},
	{"profile with a role of a role", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		_, key := s.user(allow("sts:AssumeRole", "*"))
		_, first := s.role(trustAccount, allow("sts:AssumeRole", "*"))
		role, second := s.role(trustOutsider("outside-2"), may...)
		s.profiles("[profile first]\nsource_profile = base\nrole_arn = "+first+"\n"+
			"[profile second]\nsource_profile = first\nrole_arn = "+second+"\nexternal_id = outside-2\nrole_session_name = chained\n", "[base]\n"+keysOf(key))
		return map[string]string{"Profile": "second"}, sessionOf(role, "chained")
	}},
	{"profile with a process", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustAccount, may...)
		key := s.session(arn, "process")
		answer := write(s, filepath.Join(s.TempDir(), "answer"), string(encode(map[string]any{"Version": 1, "AccessKeyId": key.AccessKeyID,
			"SecretAccessKey": key.SecretAccessKey.Reveal(), "SessionToken": key.SessionToken.Reveal(), "Expiration": key.Expires.Format(time.RFC3339)})))
		s.profiles("[profile process]\ncredential_process = cat "+answer+"\n", "")
		return map[string]string{"Profile": "process"}, sessionOf(role, "process")
	}},
	{"profile with a web identity", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn, token := s.believer(may...)
		s.profiles("[profile web]\nweb_identity_token_file = "+token+"\nrole_arn = "+arn+"\nrole_session_name = web\n", "")
		return map[string]string{"Profile": "web"}, sessionOf(role, "web")
	}},
	{"profile with single sign-on", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role := s.signIn(may...)
		return map[string]string{"Profile": "person"}, sessionOf(role, "alice@example.com")
	}},
	{"profile with the instance's role", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		s.instance(allow("sts:AssumeRole", "*"))
		role, arn := s.role(trustAccount, may...)
		s.profiles("[profile machine]\ncredential_source = Ec2InstanceMetadata\nrole_arn = "+arn+"\nrole_session_name = from-ec2\n", "")
		return map[string]string{"Profile": "machine"}, sessionOf(role, "from-ec2")
	}},
	{"instance profile", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		return map[string]string{"InstanceProfile": "1"}, sessionOf(s.instance(may...), credentialsource.InstanceID)
	}},
	{"instance, by the default chain", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		return nil, sessionOf(s.instance(may...), credentialsource.InstanceID)
	}},
	{"environment", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		s.setKey(key)
		return nil, account + "user/" + name
	}},
	{"environment with a session", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustAccount, may...)
		s.setKey(s.session(arn, "exported"))
		return nil, sessionOf(role, "exported")
	}},
	{"web identity of the environment", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn, token := s.believer(may...)
		s.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
		s.Setenv("AWS_ROLE_ARN", arn)
		return nil, sessionOf(role, "sluice-connector")
	}},
	{"task of ECS", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustTasks, may...)
		where, err := s.Containers.AddTask(arn)
		if err != nil {
			s.Fatal(err)
		}
		s.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", s.wire.URL+where)
		return nil, sessionOf(role, "")
	}},
	{"pod of EKS", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		role, arn := s.role(trustPods, may...)
		token := s.Containers.AddPod(arn, time.Hour)
		book.hide(token.Reveal())
		s.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", s.wire.URL+credentialsource.PodPath)
		s.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write(s, filepath.Join(s.TempDir(), "token"), token.Reveal()))
		return nil, sessionOf(role, "")
	}},
	{"AWS_PROFILE", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		s.profiles("[profile work]\n"+keysOf(key), "[default]\n"+keysOf(s.Operator))
		s.Setenv("AWS_PROFILE", "work")
		return nil, account + "user/" + name
	}},
	{"AWS_SHARED_CREDENTIALS_FILE", func(s *scene, may ...resolve.Statement) (map[string]string, string) {
		name, key := s.user(may...)
		s.Setenv("AWS_SHARED_CREDENTIALS_FILE", write(s, filepath.Join(s.TempDir(), "elsewhere"), "[default]\n"+keysOf(key)))
		return nil, account + "user/" + name
	}},
}

// believer makes a role for who brings a token, and a file with one.
func (s *scene) believer(may ...resolve.Statement) (role, arn, file string) {
	issuer := identity.NewIssuer(s.Clock, "https://oidc.example.com/id/"+newName("i"))
	s.Identity.AddIssuer(issuer, "sts.amazonaws.com")
	role, arn = s.role(trust(`"Federated":"`+issuer.ARN()+`"`, "sts:AssumeRoleWithWebIdentity", ""), may...)
	token := issuer.Token("reader", "sts.amazonaws.com", time.Hour)
	book.hide(token.Reveal())
	return role, arn, write(s, filepath.Join(s.TempDir(), "token"), token.Reveal())
}

// signIn signs a person in, as aws sso login would, and writes the profile person. It returns the name of the role.
func (s *scene) signIn(may ...resolve.Statement) string {
	const start = "https://example.awsapps.com/start"
	set := newName("Set")
	role := path.Base(s.Portal.AddPermissionSet(set, map[string]string{"own": document(may...)}))
	token := s.Portal.SignIn("alice@example.com", 8*time.Hour, set)
	book.hide(token.Reveal())
	write(s, filepath.Join(os.Getenv("HOME"), ".aws", "sso", "cache", fmt.Sprintf("%x.json", sha1.Sum([]byte(start)))), string(encode(map[string]string{
		"accessToken": token.Reveal(), "expiresAt": time.Now().Add(8 * time.Hour).UTC().Format(time.RFC3339), "startUrl": start, "region": "us-east-1"})))
	s.profiles("[profile person]\nsso_start_url = "+start+"\nsso_region = us-east-1\nsso_account_id = "+awshttp.Account+"\nsso_role_name = "+set+"\n", "")
	return role
}

// instance gives the EC2 instance a role for the time of the test, and returns its name.
func (s *scene) instance(may ...resolve.Statement) string {
	role, arn := s.role(trustInstance, may...)
	s.Instance.Attach(arn)
	s.Cleanup(s.Instance.Detach)
	return role
}

// prefixed is for callers whose session has a name that nobody chose.
func prefixed(caller, got string) bool {
	return caller == got || caller[len(caller)-1] == '/' && len(got) > len(caller) && got[:len(caller)] == caller
}

func TestKindsOfCredentials(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := begin(t)
			p, caller := k.use(s, mayLogIn)
			before := s.last()
			s.is(databaseUser(caller), s.own(p))
			calls := s.calls(before)
			if login := calls[len(calls)-1]; login.Operation != "GetClusterCredentialsWithIAM" || !prefixed(caller, login.Principal) {
				t.Errorf("%s by %s; want a login for %s", login, login.Principal, caller)
			}
		})
	}
}

// RoleArn is assumed with whatever credentials there are.
func TestRoleOnTopOfEachKind(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := begin(t)
			role, arn := s.role(trustOutsider("outside-3"), mayLogIn)
			p, caller := k.use(s, allow("sts:AssumeRole", arn))
			p = s.own(p, map[string]string{"RoleArn": arn, "ExternalId": "outside-3", "RoleSessionName": "on-top"})
			before := s.last()
			s.is("IAMR:"+role, p)
			calls := s.calls(before)
			assume, login := calls[len(calls)-2], calls[len(calls)-1]
			if assume.Operation != "AssumeRole" || !prefixed(caller, assume.Principal) {
				t.Errorf("%s by %s; want a role for %s", assume, assume.Principal, caller)
			}
			if login.Principal != sessionOf(role, "on-top") {
				t.Errorf("%s by %s; want a login for %s", login, login.Principal, sessionOf(role, "on-top"))
			}
			s.says(s.fails(properties(p, map[string]string{"ExternalId": ""}), "Unauthorized", operations(calls[:len(calls)-1])...), "sts:AssumeRole", arn)
		})
	}
}

func operations(calls []made) (all []string) {
	for _, c := range calls {
		all = append(all, c.Operation)
	}
	return all
}

// The default places of the shared files are found from HOME alone.
func TestFilesAtHome(t *testing.T) {
	for file, heading := range map[string]string{"config": "[profile work]", "credentials": "[work]"} {
		t.Run(file, func(t *testing.T) {
			s := begin(t)
			name, key := s.user(mayLogIn)
			unset(t, "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
			write(s, filepath.Join(os.Getenv("HOME"), ".aws", file), heading+"\n"+keysOf(key))
			if user := s.whoamiAlone(s.own(map[string]string{"Profile": "work"})); user != "IAM:"+name {
				t.Errorf("logged in as %q; want %s", user, "IAM:"+name)
			}
		})
	}
}
