package endtoend_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/settings"
)

func TestTags(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	s.sql("CREATE USER temp_super SUPERUSER; CREATE USER app_plain")
	s.run("that ask for too much", askForTooMuch)
	s.run("that are foreign to the tick", foreignToTheTick)
	s.run("that ask for something else", askForSomethingElse)
}

// tags are those of reporting's secret.
func (s *stage) tags() map[string]string {
	s.t.Helper()
	out, err := s.AWS.Do(s.t.Context(), operator, "secretsmanager", "DescribeSecret", map[string]string{"SecretId": s.reporting})
	s.must(err)
	tags := map[string]string{}
	for _, tag := range out["Tags"].([]any) {
		tag := tag.(map[string]any)
		tags[tag["Key"].(string)] = tag["Value"].(string)
	}
	return tags
}

// retag changes tags of reporting's secret as a deployment does. The function that it returns puts back what was there.
func (s *stage) retag(changes map[string]string) (undo func()) {
	s.t.Helper()
	before := s.tags()
	put := func(tags map[string]string) {
		var list []map[string]string
		for key, value := range tags {
			list = append(list, map[string]string{"Key": key, "Value": value})
		}
		s.must(s.as(deployment, "secretsmanager", "TagResource", map[string]any{"SecretId": s.reporting, "Tags": list}))
	}
	put(changes)
	return func() {
		added := maps.Clone(changes)
		maps.DeleteFunc(added, func(key, _ string) bool { return before[key] != "" })
		if len(added) > 0 {
			s.must(s.as(deployment, "secretsmanager", "UntagResource", map[string]any{"SecretId": s.reporting, "TagKeys": slices.Collect(maps.Keys(added))}))
		}
		put(before)
	}
}

// What the tags ask for decides what is minted, and the warehouse's configuration decides what they may ask for.
func askForTooMuch(s *stage) {
	t := s.t
	for _, tc := range []struct {
		name   string
		tags   map[string]string
		world  [2]string // SQL that is run in the warehouse before, and afterwards
		step   string    // which refuses
		reason string
		says   []string
	}{
		{name: "user outside the pattern", tags: map[string]string{settings.TagUser: "owner"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`user: "owner" is not allowed in warehouse analytics`, "use a user that matches temp_*, app_*"}},
		{name: "the cluster's own superuser", tags: map[string]string{settings.TagUser: "awsuser"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`user: "awsuser" is not allowed`, "allow.users"}},
		{name: "name that Redshift refuses", tags: map[string]string{settings.TagUser: "temp_a:b"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`":" in it`, "use 1 to 64 lower-case letters"}},
		{name: "reserved word", tags: map[string]string{settings.TagGroups: "all"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`groups: "all" is a reserved word`, "no reserved word"}},
		{name: "group outside the list", tags: map[string]string{settings.TagGroups: "example_group:owners"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`groups: "owners" is not allowed in warehouse analytics`, "allow.groups"}},
		{name: "database outside the list", tags: map[string]string{settings.TagDatabase: "payroll"}, step: "createSecret", reason: "LoginNotAllowed",
			says: []string{`database: "payroll" is not allowed in warehouse analytics`, "allow.databases"}},
		{name: "automatic creation that is neither yes nor no", tags: map[string]string{settings.TagAutoCreate: "perhaps"}, step: "createSecret", reason: "NotOurs",
			says: []string{`sluice:auto-create: is "perhaps"`, "write true or false"}},
		{name: "another API", tags: map[string]string{settings.TagAPI: "GetCredentials"}, step: "createSecret", reason: "NotOurs",
			says: []string{`sluice:api: "GetCredentials"`, "write GetClusterCredentials"}},
		{name: "tag that nobody knows", tags: map[string]string{"sluice:role": "admin"}, step: "createSecret", reason: "NotOurs",
			says: []string{"sluice:role: is unknown", "remove it"}},
		{name: "warehouse of another function", tags: map[string]string{settings.TagWarehouse: "finance"}, step: "createSecret", reason: "NotOurs",
			says: []string{"warehouse finance", "set the rotation function of that warehouse"}},
		{name: "another stage", tags: map[string]string{settings.TagStage: "production"}, step: "createSecret", reason: "NotOurs",
			says: []string{"sluice:stage is not sandbox", "its own stage only"}},
		{name: "superuser whose name matches", tags: map[string]string{settings.TagUser: "temp_super"}, step: "testSecret", reason: "Superuser",
			says: []string{"user temp_super on cluster examplecluster", "is a superuser", "name a user with only the rights"}},
		{name: "user that does not exist", tags: map[string]string{settings.TagUser: "app_missing"}, step: "testSecret", reason: "UserMissing",
			says: []string{`user "app_missing" does not exist`, "create the user in database exampledb", "AutoCreate"}},
		{name: "user that was dropped", tags: map[string]string{settings.TagUser: "app_plain"}, world: [2]string{"DROP USER app_plain", "CREATE USER app_plain"},
			step: "testSecret", reason: "UserMissing", says: []string{`user "app_plain" does not exist`}},
		{name: "group that was dropped", step: "testSecret", reason: "GroupMissing",
			world: [2]string{"DROP OWNED BY example_group; DROP GROUP example_group", "CREATE GROUP example_group; GRANT SELECT ON sales TO GROUP example_group"},
			says:  []string{`group "example_group" does not exist`, "create the group in database exampledb"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			kept, failing := s.read(s.reporting), len(s.announced(event.CredentialsFailing))
			undo := func() {}
			if tc.tags != nil {
				undo = s.retag(tc.tags)
			}
			s.sql(tc.world[0])
			token := s.begin()
			for _, step := range steps[:slices.Index(steps, tc.step)] {
				if a := s.step(step, token); a.ErrorType != "" {
					t.Errorf("%s: %s: %s", step, a.ErrorType, a.ErrorMessage)
				}
			}
			a := s.step(tc.step, token)
			s.refused(a, tc.reason, tc.says...)
			s.reported(failing, tc.step, a)
			undo()
			s.sql(tc.world[1])
			s.keeps(kept) // once its group and user are there again
			s.renewed()
			s.pass(2 * everyN) // the failed attempt may have made it wait
			s.healed(kept)
		})
	}
}

// reported checks that the last announcement says of a failed step what the function itself answered. A secret that is not
// ours is nobody's failing credentials: there is none.
func (s *stage) reported(before int, step string, a answer) {
	s.t.Helper()
	failing := s.announced(event.CredentialsFailing)[before:]
	if a.ErrorType == "NotOurs" {
		if len(failing) > 0 {
			s.t.Errorf("announced: %+v", failing)
		}
		return
	}
	if len(failing) == 0 {
		s.t.Error("nothing was announced")
		return
	}
	got := failing[len(failing)-1]
	if got.Secret != s.reporting || got.Step != step || got.Kind != "blocked" || got.Reason != a.ErrorType || got.Cause != a.ErrorMessage || got.Remedy == "" {
		s.t.Errorf("announced: %+v; want the failure of %s: %s", got, step, a.ErrorMessage)
	}
}

// The tick looks at the same tags before it asks for anything.
func foreignToTheTick(s *stage) {
	t := s.t
	for tag, value := range map[string]string{settings.TagStage: "production", settings.TagAPI: "GetCredentials", "sluice:role": "admin"} {
		t.Run(tag, func(t *testing.T) {
			s := s.in(t)
			undo := s.retag(map[string]string{tag: value})
			last := s.AWS.Calls().Last()
			s.refused(s.tick(s.reporting), "NotOurs", s.reporting, tag)
			for _, call := range s.calls(s.refresh, last) {
				if call.Operation != "DescribeSecret" && call.Service != "events" {
					t.Errorf("it went on to %s", call.Operation)
				}
			}
			undo()
			s.took(s.tick(s.reporting), "Fresh")
		})
	}
}

// A consumer that was changed gets what it asks for now, by the next rotation.
func askForSomethingElse(s *stage) {
	t := s.t
	for _, tc := range []struct {
		tags       map[string]string
		name, user string
	}{
		{map[string]string{settings.TagUser: "app_plain"}, "IAM:app_plain", "app_plain"},
		{map[string]string{settings.TagUser: "app_new", settings.TagAutoCreate: "true"}, "IAMA:app_new:example_group", "app_new"},
	} {
		t.Run(tc.user, func(t *testing.T) {
			s := s.in(t)
			undo := s.retag(tc.tags)
			defer undo()
			l := s.renewed()
			if user, err := s.login(l); l.User != tc.name || user != tc.user || err != nil {
				t.Errorf("readers find %s, who logs in as %q, %v; want %s as %s", l.User, user, err, tc.name, tc.user)
			}
			s.healthy()
		})
	}
	t.Run("between the steps of a rotation", func(t *testing.T) {
		s := s.in(t)
		kept, token := s.read(s.reporting), s.begin()
		s.took(s.step("createSecret", token), "Minted")
		defer s.retag(map[string]string{settings.TagUser: "app_plain"})()
		s.refused(s.step("testSecret", token), "ContentMismatch", "another user, database or cluster than the tags name", token)
		s.keeps(kept)
		s.refused(s.step("finishSecret", token), "TokenNotPending")
		s.pass(2 * time.Minute)
		s.renewed()
		s.healed(kept)
		if name := s.read(s.reporting).User; name != "IAM:app_plain" {
			t.Errorf("readers find %s", name)
		}
	})
}
