package connected_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// unspoken are parameters that Explain leaves out: they are always the same, or a default of the session's name.
var unspoken = map[string]bool{"VersionStage": true, "RoleSessionName": true, "DurationSeconds of AssumeRole": true}

// spoken are the calls that Explain names, and of those that were made what Explain would name.
func spoken(e connector.Explanation, calls []made) (explained, happened []string) {
	for _, c := range e.Calls {
		parameters := map[string]string{}
		for _, p := range c.Parameters {
			parameters[p.Name] = p.Text
		}
		explained = append(explained, spell(c.Service, c.Operation, parameters))
	}
	for _, c := range calls {
		parameters := maps.Clone(c.parameters)
		maps.DeleteFunc(parameters, func(name, _ string) bool { return unspoken[name] || unspoken[name+" of "+c.Operation] })
		happened = append(happened, spell(c.Service, c.Operation, parameters))
	}
	return explained, happened
}

// What is called and asked is what the documentation of the property says, and what Explain says beforehand.
func TestWays(t *testing.T) {
	s := prepared(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := s.in(t)
			s.newCache()
			role, arn := s.role(trustAccount, allow("*", "*"))
			p := properties(w.properties(s), keyOf(s.session(arn, "ways")))
			explained, err := s.explain(p)
			if err != nil {
				t.Fatal(err)
			}
			before := s.last()
			user := w.user
			if user == "IAMR" {
				user = "IAMR:" + role
			}
			s.is(user, p)
			calls := s.calls(before)
			var texts []string
			for _, c := range calls {
				texts = append(texts, strings.ReplaceAll(c.String(), "SecretId="+p["SecretID"], "SecretId=SECRET"))
				if want := "arn:aws:sts::111122223333:assumed-role/" + role + "/ways"; c.Principal != want || c.Code != "" {
					t.Errorf("%s is called by %s with the outcome %q; want %s", c, c.Principal, c.Code, want)
				}
			}
			if !slices.Equal(texts, w.calls) {
				t.Errorf("calls:\n%s\nwant:\n%s", strings.Join(texts, "\n"), strings.Join(w.calls, "\n"))
			}
			if says, happened := spoken(explained, calls); !slices.Equal(says, happened) {
				t.Errorf("Explain says:\n%s\nand this happened:\n%s", strings.Join(says, "\n"), strings.Join(happened, "\n"))
			}
		})
	}
}

// A login's groups are those of its session, and its user is made where it may be.
func TestGroupsOfTheSession(t *testing.T) {
	s := prepared(t)
	_, key := s.user(allow("*", "*"))
	p := s.cluster(keyOf(key), map[string]string{"DbUser": "joiner", "AutoCreate": "1", "DbGroups": world.Group})
	const members = "SELECT count(*)::text FROM pg_group, pg_user WHERE usesysid = ANY(grolist) AND usename = 'joiner' AND groname = 'example_group'"
	if n, err := s.ask(p, members, nil); err != nil || n != "1" {
		t.Errorf("during the session the group has %s members of this name, %v", n, err)
	}
	if n, err := s.ask(p, "SELECT count(*)::text FROM sales", nil); err != nil || n != strconv.Itoa(12) {
		t.Errorf("what the group may read has %s rows, %v", n, err)
	}
	if _, err := s.ask(properties(p, map[string]string{"DbGroups": ""}), "SELECT count(*)::text FROM sales", nil); err == nil {
		t.Error("without the group it is read, too")
	}
}

// A policy is the smallest if it is enough, and nothing can be taken away.
func TestPolicyThatExplainPrintsIsEnoughAndNeeded(t *testing.T) {
	s := prepared(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := s.in(t)
			role, arn := s.role(trustAccount)
			p := properties(w.properties(s), keyOf(s.session(arn, "policy")))
			s.may(role, allow("redshift:DescribeAuthenticationProfiles", "*"))
			explained, err := s.explain(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(explained.Policy) == 0 {
				t.Fatal("there is no policy")
			}
			s.may(role, explained.Policy...)
			s.newCache()
			if user, err := s.whoami(p); err != nil {
				t.Fatalf("with the policy %s: logged in as %q, %v", document(explained.Policy...), user, err)
			}
			for i, statement := range explained.Policy {
				for _, resource := range statement.Resources {
					s.may(role, without(explained.Policy, i, resource)...)
					s.newCache()
					user, err := s.whoami(p)
					if err == nil {
						t.Errorf("without %s on %s: logged in as %q all the same", statement.Actions, resource, user)
						continue
					}
					s.says(err, statement.Actions[0])
				}
			}
		})
	}
}

// without is a policy without one resource of a statement, or without the statement if that has no other.
func without(policy []resolve.Statement, i int, resource string) []resolve.Statement {
	less := slices.Clone(policy)
	less[i].Resources = slices.DeleteFunc(slices.Clone(less[i].Resources), func(r string) bool { return r == resource })
	if len(less[i].Resources) == 0 {
		return slices.Delete(less, i, i+1)
	}
	return less
}

// A role's policy is the role's; to assume it is the caller's own.
func TestPolicyThatExplainPrintsWithARole(t *testing.T) {
	s := prepared(t)
	role, arn := s.role(trustOutsider("outside-1"))
	p := s.cluster(map[string]string{"RoleArn": arn, "ExternalId": "outside-1", "RoleSessionName": "given"})
	explained, err := s.explain(properties(p, s.operatorKey()))
	if err != nil {
		t.Fatal(err)
	}
	s.may(role, explained.Policy...)
	_, key := s.user(explained.Before[0].Statements...)
	before := s.last()
	s.is(world.User, properties(p, keyOf(key)))
	calls := s.calls(before)
	if says, happened := spoken(explained, calls); !slices.Equal(says, happened) || len(calls) != 2 {
		t.Errorf("Explain says:\n%s\nand this happened:\n%s", strings.Join(says, "\n"), strings.Join(happened, "\n"))
	}
	if want := "arn:aws:sts::111122223333:assumed-role/" + role + "/given"; calls[1].Principal != want {
		t.Errorf("the login is asked for by %s; want %s", calls[1].Principal, want)
	}
	_, beggar := s.user(explained.Policy...)
	s.says(s.fails(properties(p, keyOf(beggar)), "Unauthorized", "AssumeRole"), "sts:AssumeRole", arn)
	s.may(role)
	s.says(s.fails(properties(p, keyOf(key)), "Unauthorized", "AssumeRole", "GetClusterCredentials"), "redshift:GetClusterCredentials", "dbuser:examplecluster/"+world.User)
}

// Where the authentication profile is read by somebody else than who logs in, the way to both is said, with a policy for each who asks.
func TestPolicyThatExplainPrintsWithAnotherReader(t *testing.T) {
	s := begin(t)
	name, key := s.user()
	reader, first := s.role(trustAccount, mayReadProfiles)
	role, second := s.role(trustAccount)
	s.profiles("[profile reader]\nsource_profile = base\nrole_arn = "+first+"\n[profile app]\nsource_profile = base\nrole_arn = "+second+"\n", "[base]\n"+keysOf(key))
	s.Setenv("AWS_PROFILE", "reader")
	s.authProfile("App", s.content(`, "profile": "app"`))
	given := s.profiled()
	s.userMay(name, allow("sts:AssumeRole", first))
	explained, err := s.explain(given)
	if err != nil {
		t.Fatal(err)
	}
	if got := explained.Before; len(got) != 2 || got[0].To != "the access key of profile base" || got[1].To != first || explained.By != second {
		t.Fatalf("policies of %+v, then of %s", got, explained.By)
	}
	s.userMay(name, explained.Before[0].Statements...)
	s.may(reader, explained.Before[1].Statements...)
	s.may(role, explained.Policy...)
	before := s.last()
	s.is("IAMR:"+role, given)
	calls := s.calls(before)
	if says, happened := spoken(explained, calls); !slices.Equal(says, happened) || len(calls) != 4 {
		t.Errorf("Explain says:\n%s\nand this happened:\n%s", strings.Join(says, "\n"), strings.Join(happened, "\n"))
	}

	unread, err := connector.Explain(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	if says, _ := spoken(unread, nil); len(says) < 2 || !strings.HasPrefix(says[0], "sts:AssumeRole") || !strings.HasPrefix(says[1], "redshift:"+readProfiles) {
		t.Errorf("without reading it, Explain says:\n%s", strings.Join(says, "\n"))
	}
}
