package connected_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

const readProfiles = "DescribeAuthenticationProfiles"

var mayReadProfiles = allow("redshift:"+readProfiles, "*")

// profiled are properties that leave the rest to an authentication profile.
func (s *scene) profiled(more ...map[string]string) map[string]string {
	return properties(append([]map[string]string{{"AuthProfile": "App", "Region": "us-east-1", "CaFile": s.authority()}}, more...)...)
}

// content is an authentication profile's, with which one logs in as oneself, and whatever more says.
func (s *scene) content(more string) string {
	return `{"iam": true, "host": "localhost", "Port": ` + port(s.Warehouse.Port()) + `, "cluster_identifier": "examplecluster", "db_name": "exampledb", "group_federation": 1` + more + `}`
}

// The profile is read with the access key, or what else the AWS SDK finds; it says all that the program does not.
func TestAuthenticationProfileIsReadWithEachKind(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := begin(t)
			p, caller := k.use(s, mayLogIn, mayReadProfiles)
			s.authProfile("App", s.content(""))
			before := s.last()
			s.is(databaseUser(caller), s.profiled(p))
			calls := s.calls(before)
			got := operations(calls)
			if i := slices.Index(got, readProfiles); i < 0 || !prefixed(caller, calls[i].Principal) || got[len(got)-1] != "GetClusterCredentialsWithIAM" {
				t.Errorf("%v were called; want the profile read by %s, then a login", got, caller)
			}
		})
	}
}

// The key reads the profile; for logins counts what that says.
func TestAuthenticationProfileThatNamesAnAWSProfile(t *testing.T) {
	s := begin(t)
	_, reader := s.user(mayReadProfiles)
	name, key := s.user(mayLogIn)
	s.profiles("", "[app]\n"+keysOf(key))
	s.authProfile("App", s.content(`, "profile": "app"`))
	s.is("IAM:"+name, s.profiled(keyOf(reader)))
}

// A person's session is used once for both, where the role of RoleArn is assumed above what reads the profile.
func TestAuthenticationProfileAndARoleAreOneSignOn(t *testing.T) {
	s := begin(t)
	role, arn := s.role(trustAccount, mayLogIn)
	person := s.signIn(mayReadProfiles, allow("sts:AssumeRole", arn))
	s.authProfile("App", s.content(""))
	before := s.last()
	s.is("IAMR:"+role, s.profiled(map[string]string{"Profile": "person", "RoleArn": arn}))
	calls := s.calls(before)
	if got, want := operations(calls), []string{"GetRoleCredentials", readProfiles, "AssumeRole", "GetClusterCredentialsWithIAM"}; !slices.Equal(got, want) {
		t.Fatalf("%v were called; want %v", got, want)
	}
	if by := sessionOf(person, "alice@example.com"); calls[1].Principal != by || calls[2].Principal != by {
		t.Errorf("the profile is read by %s and the role assumed by %s; want %s", calls[1].Principal, calls[2].Principal, by)
	}
}

// A role's session has what the profile says, and the program's own word wins over that.
func TestAuthenticationProfileIsWeakerThanTheProgram(t *testing.T) {
	s := prepared(t)
	s.authProfile("App", `{"IAM": "true", "Server": "localhost", "PortNumber": "`+port(s.Warehouse.Port())+`", "ClusterId": "examplecluster", "DB": "exampledb",
		"DbUser": "temp_creds_user", "DbGroups": ["readers", "example_group"], "duration": 1800, "application_name": null}`)
	before := s.last()
	s.is(world.User, s.profiled(s.operatorKey()))
	s.is(world.Master, s.profiled(s.operatorKey(), map[string]string{"user": "", "db_user": world.Master, "IAMDuration": "900"}))
	const read = "redshift:DescribeAuthenticationProfiles AuthenticationProfileName=App"
	want := []string{
		read, "redshift:GetClusterCredentials AutoCreate=false ClusterIdentifier=examplecluster DbGroups=example_group,readers DbName=exampledb DbUser=temp_creds_user DurationSeconds=1800",
		read, "redshift:GetClusterCredentials AutoCreate=false ClusterIdentifier=examplecluster DbGroups=example_group,readers DbName=exampledb DbUser=awsuser DurationSeconds=900",
	}
	var got []string
	for _, c := range s.calls(before) {
		got = append(got, c.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	e, err := s.explain(s.profiled(s.operatorKey(), map[string]string{"DbUser": world.Master}))
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]resolve.Origin{}
	for _, v := range e.Values {
		from[string(v.Name)] = v.From
	}
	if from["DbUser"] != resolve.Explicit || from["DbGroups"] != resolve.FromAuthProfile || from["Database"] != resolve.FromAuthProfile {
		t.Errorf("origins: %v", from)
	}
}

// Nothing is logged in by a profile that asks for less than safe, or cannot be read.
func TestAuthenticationProfileThatIsNoGood(t *testing.T) {
	const password = "hush-hush-in-a-profile"
	book.hide(password)
	for _, tc := range []struct {
		name, content string
		says          []string
	}{
		{"sslmode=disable", `, "sslmode": "disable"`, []string{"SSLMode", "write verify-full"}},
		{"sslmode=require", `, "SSLMode": "require"`, []string{"SSLMode", "write verify-full"}},
		{"ssl=false", `, "ssl": false`, []string{"SSL", "no login is sent without TLS"}},
		{"a property that is none", `, "colour": "blue"`, []string{"authentication profile App: ", "colour", "is no property"}},
		{"a property twice", `, "clusterid": "other"`, []string{"authentication profile App: ", "ClusterID"}},
		{"a session token", `, "session_token": "` + password + `"`, []string{"authentication profile App: ", "may not be in an authentication profile"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := begin(t)
			s.authProfile("App", s.content(tc.content))
			before := s.last()
			_, err := s.whoami(s.profiled(s.operatorKey()))
			s.says(err, tc.says...)
			if got := operations(s.calls(before)); !slices.Equal(got, []string{readProfiles}) {
				t.Errorf("%v were called", got)
			}
		})
	}
	s := begin(t)
	s.authProfile("App", s.content(`, "sslmode": "verify-ca"`))
	s.is("IAM:operator", s.profiled(s.operatorKey()))
	if e, err := s.explain(s.profiled(s.operatorKey())); err != nil || len(e.Notices) != 1 || !strings.Contains(e.Notices[0].Text, "stays verify-full") {
		t.Errorf("a profile that asks for verify-ca: %+v, %v; want a notice that it stays verify-full", e.Notices, err)
	}
}

func TestAuthenticationProfileThatCannotBeRead(t *testing.T) {
	s := begin(t)
	s.authProfile("App", s.content(""))
	s.says(s.fails(s.profiled(s.operatorKey(), map[string]string{"AuthProfile": "Other"}), awslease.AuthenticationProfile, readProfiles), "Other", "correct AuthProfile")
	_, key := s.user(mayLogIn)
	s.says(s.fails(s.profiled(keyOf(key)), "Unauthorized", readProfiles), "allow redshift:"+readProfiles)
	if _, err := connector.Explain(t.Context(), s.profiled(keyOf(key)), connector.ReadingAuthProfile()); fault.ReasonOf(book.heard(err)) != "Unauthorized" {
		t.Errorf("Explain that reads it: %v; want the reason Unauthorized", err)
	}
	if e, err := connector.Explain(t.Context(), s.profiled(keyOf(key))); err != nil || e.Unread != "App" || e.Calls[0].Operation != readProfiles {
		t.Errorf("Explain that does not read it: %+v, %v", e, err)
	}

	// No API stores such contents; one that changes on the way may still come.
	const password = "hush-hush-on-the-way"
	book.hide(password)
	for content, says := range map[string]string{
		"{{{{": "is no JSON object",
		"{&quot;password&quot;: &quot;" + password + "&quot;}": "may not be in an authentication profile",
		"[&quot;" + password + "&quot;]":                       "is no JSON object",
	} {
		s.wire.onBody(func(q question, body []byte) []byte {
			before, rest, _ := bytes.Cut(body, []byte("<AuthenticationProfileContent>"))
			_, after, found := bytes.Cut(rest, []byte("</AuthenticationProfileContent>"))
			if !found {
				return body
			}
			return slices.Concat(before, []byte("<AuthenticationProfileContent>"+content+"</AuthenticationProfileContent>"), after)
		})
		before := s.last()
		_, err := s.whoami(s.profiled(s.operatorKey()))
		s.says(err, "authentication profile App: ", says)
		if got := operations(s.calls(before)); !slices.Equal(got, []string{readProfiles}) {
			t.Errorf("%v were called", got)
		}
	}
}
