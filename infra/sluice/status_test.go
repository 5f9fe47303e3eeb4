package main

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/sluicehq/sluice/shared/federation"
)

// blocked is a federation that waits for a person, as failed leaves it.
func blocked(t *testing.T) federation.Record {
	t.Helper()
	r := ordersRecord(t)
	r.Name, r.Wanted.Name, r.Phase, r.Reason, r.At = "billing", "billing", federation.Blocked, "SecretNotServing", "credentials"
	r.Remedy = "let whoever owns the secret tag it with sluice:source = billing"
	r.Message = "check secret for federation billing: SecretNotServing: nothing says that it serves source billing; " + r.Remedy
	r.Conditions = []federation.Condition{{Type: federation.CondRoles, Message: "the cluster has 41 of at most 50 IAM roles", Since: since.Add(-time.Hour)}}
	r.Proved, r.IAMChanged, r.Made.SchemaReady, r.Made.LoginReady, r.Made.Secret, r.Made.Groups = time.Time{}, time.Time{}, false, false, "", nil
	return r
}

func TestStatusOfNothing(t *testing.T) {
	start(t)
	if out := succeed(t, "", "status"); out != "no federations; sluice request FILE asks for one\n" {
		t.Errorf("it says %q", out)
	}
	if out := succeed(t, "", "status", "-json"); out != "[]\n" {
		t.Errorf("as JSON it says %q", out)
	}
}

func TestStatusOfAll(t *testing.T) {
	w := start(t)
	unheard := federation.Record{Name: "unheard", Wanted: federation.Wanted{Name: "unheard"}, Withdrawn: true, Phase: federation.Removed, Generation: 1}
	keep(t, w, ordersRecord(t), blocked(t), unheard)
	out := succeed(t, "", "status")
	want := `NAME     WAREHOUSE  SOURCE       SCHEMA       PHASE    REASON            SINCE
billing  analytics  orders-prod  orders_live  Blocked  SecretNotServing  2031-05-04 10:20:30
orders   analytics  orders-prod  orders_live  Ready    -                 2031-05-04 10:20:30

billing is blocked: check secret for federation billing: SecretNotServing: nothing says that it serves source billing
  remedy: let whoever owns the secret tag it with sluice:source = billing
`
	if out != want {
		t.Errorf("it says\n%s\nwant\n%s", out, want)
	}
	var records []federation.Record
	if err := json.Unmarshal([]byte(succeed(t, "", "-json", "status")), &records); err != nil {
		t.Fatal(err)
	}
	if len(records) != 3 || records[0].Name != "billing" || !reflect.DeepEqual(records[1], ordersRecord(t)) {
		t.Errorf("the JSON holds %+v", records)
	}
}

// What belongs to no federation comes last: neither other stages' roles nor those that a record has.
func TestStatusOfRolesOfNobody(t *testing.T) {
	w := start(t)
	keep(t, w, ordersRecord(t))
	api := iam.NewFromConfig(configured(w))
	for name, stage := range map[string]string{"sluice-sandbox-lost-00000000": "sandbox", "sluice-other-lost-00000000": "other", ordersRecord(t).Made.Role: "sandbox"} {
		if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, Path: new("/sluice/sandbox/"), AssumeRolePolicyDocument: new(federation.Trust()),
			Tags: []iamtypes.Tag{{Key: new(federation.TagStage), Value: &stage}, {Key: new(federation.TagFederation), Value: new("lost")}}}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := api.DeleteRole(context.Background(), &iam.DeleteRoleInput{RoleName: &name}); err != nil {
				t.Error(err)
			}
		}()
	}
	out := succeed(t, "", "status")
	if !strings.HasSuffix(out, "\n\nroles of no federation, which nobody takes down; detach them from the cluster and delete them:\n  sluice-sandbox-lost-00000000 (federation lost)\n") {
		t.Errorf("it says\n%s", out)
	}
	if out := succeed(t, "", "status", "orders"); strings.Contains(out, "lost") {
		t.Errorf("about one it says\n%s", out)
	}
}

// lines are the lines of a status as key and value.
func lines(out string) map[string]string {
	all := make(map[string]string)
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "  ")
		all[key] = strings.TrimSpace(value)
	}
	return all
}

func TestStatusOfOne(t *testing.T) {
	w := start(t)
	is := w.Clock.Now()
	ready, billing, gone, claimed := ordersRecord(t), blocked(t), ordersRecord(t), ordersRecord(t)
	ready.Since = is.Add(-time.Hour)
	gone.Name, gone.Phase, gone.Withdrawn, gone.Made.Begun, gone.Made.SecretUntil = "gone", federation.Removed, true, false, since.AddDate(0, 0, 30)
	claimed.Name, claimed.Phase, claimed.Reason, claimed.Message = "claimed", federation.Waiting, "RoleAttaching", "the cluster is adding the role"
	claimed.At, claimed.Claim = "attachment", &federation.Claim{By: "run", Until: is.Add(time.Hour)}
	unproved, paused, leaving, named := ordersRecord(t), ordersRecord(t), ordersRecord(t), ordersRecord(t)
	unproved.Name, unproved.Phase, unproved.Proved = "unproved", federation.Blocked, since.AddDate(-1, 0, 0) // as where the schema was made
	paused.Name, paused.Phase = "paused", federation.Parked
	leaving.Name, leaving.Phase, leaving.Withdrawn, leaving.Made.SchemaReady = "leaving", federation.Removing, true, false
	named.Name, named.Made.SecretName, named.Made.Login, named.Made.LoginReady = "named", "", "", false
	keep(t, w, ready, billing, gone, claimed, unproved, paused, leaving, named)
	for _, tc := range []struct {
		record federation.Record
		says   map[string]string
		not    []string
	}{
		{ready, map[string]string{
			"phase": "Ready", "asked for": "2031-05-04 10:19:30, by request, generation 2", "source": "orders-prod, database orders, schema public", "warehouse": "analytics",
			"made: schema": "orders_live", "made: usage": "group:analysts, role:bi", "made: role": ready.Made.RoleARN, "made: secret": ready.Made.Secret, "made: login": ready.Made.Login,
			"made: ingress": "sg-orders", "proved": "2031-05-04 10:20:30",
		}, []string{"remedy", "reason", "step", "claimed until"}},
		{billing, map[string]string{
			"phase": "Blocked", "reason": "SecretNotServing", "message": "check secret for federation billing: SecretNotServing: nothing says that it serves source billing",
			"remedy": billing.Remedy, "step": "credentials", "condition": "RolesRunningOut: the cluster has 41 of at most 50 IAM roles (since 2031-05-04 09:20:30)",
			"planned: schema": "orders_live", "planned: usage": "group:analysts, role:bi", "planned: role": billing.Made.RoleARN, "planned: secret": billing.Made.SecretName,
			"planned: login": billing.Made.Login, "planned: ingress": "a rule in a security group of the source",
		}, []string{"proved", "made: schema", "made: usage", "made: role", "made: secret", "made: login", "made: ingress"}},
		{unproved, map[string]string{"made: schema": "orders_live", "planned: usage": "group:analysts, role:bi", "made: role": ready.Made.RoleARN, "made: login": ready.Made.Login}, []string{"made: usage"}},
		{paused, map[string]string{"made: usage": "group:analysts, role:bi"}, []string{"planned: usage"}},
		{leaving, map[string]string{"perhaps: schema": "orders_live", "made: login": ready.Made.Login}, []string{"planned: schema", "made: schema"}},
		{named, map[string]string{"named: secret": ready.Made.Secret}, []string{"made: secret"}},
		{gone, map[string]string{
			"phase": "Removed", "was: schema": "orders_live", "was: role": gone.Made.RoleARN, "was: login": gone.Made.Login,
			"was: secret": gone.Made.Secret + ", to be restored until 2031-06-03 10:20:30",
		}, []string{"made: role", "proved"}},
		{claimed, map[string]string{"phase": "Waiting", "reason": "RoleAttaching", "message": "the cluster is adding the role", "step": "attachment",
			"claimed until": is.Add(time.Hour).UTC().Format("2006-01-02 15:04:05")}, nil},
	} {
		t.Run(tc.record.Name, func(t *testing.T) {
			out := succeed(t, "", "status", tc.record.Name)
			got := lines(out)
			for key, value := range tc.says {
				if got[key] != value {
					t.Errorf("%s is %q, want %q", key, got[key], value)
				}
			}
			for _, key := range tc.not {
				if _, there := got[key]; there {
					t.Errorf("it has a line %s:\n%s", key, out)
				}
			}
			var record federation.Record
			if err := json.Unmarshal([]byte(succeed(t, "", "status", tc.record.Name, "-json")), &record); err != nil || !reflect.DeepEqual(record.Made, tc.record.Made) {
				t.Errorf("the JSON holds %+v, %v", record, err)
			}
		})
	}
	if got := lines(succeed(t, "", "status", "orders"))["since"]; !strings.Contains(got, "(1h0m") && !strings.Contains(got, "(59m59s)") { // the service's date has whole seconds
		t.Errorf("since is %q; want how long ago by the service's clock, an hour", got)
	}
	_, errs, code := run(t, "", "status", "nothing")
	if code != exitFailed {
		t.Errorf("the status of what is not there ends with %d", code)
	}
	says(t, errs, "NoFederation: stage sandbox has none of that name", "remedy: sluice status lists them")
	_, errs, code = run(t, "", "status", "Bad_Name")
	if code != exitFailed {
		t.Errorf("the status of a name that none can have ends with %d", code)
	}
	says(t, errs, `NoFederation: the name is "Bad_Name"`, "remedy: use 1 to 32 lower-case letters")
}

// TestMessagesOfManyLines shows that a message keeps its lines below its own heading.
func TestMessagesOfManyLines(t *testing.T) {
	w := start(t)
	r := blocked(t)
	r.Message = "read tags: TagsWrong: schema: wrong\n\n \t name:\twrong\n; " + r.Remedy
	r.Conditions = []federation.Condition{{Type: federation.CondUnchecked, Message: r.Message, Since: since}}
	keep(t, w, r)
	says(t, succeed(t, "", "status"), "schema: wrong\n    name: wrong\n  remedy: ")
	says(t, succeed(t, "", "status", "billing"), "condition         LoginUnchecked: for the reason above (since 2031-05-04 10:20:30)\n", "schema: wrong\n"+strings.Repeat(" ", 18)+"name: wrong\n")
}

// What a sweep finds wrong is in its log alone; people look here.
func TestStatusOfInstancesWithWrongTags(t *testing.T) {
	w := start(t)
	keep(t, w, ordersRecord(t))
	api, arn := rds.NewFromConfig(configured(w)), new("arn:aws:rds:us-east-1:111122223333:db:orders-prod")
	if _, err := api.AddTagsToResource(t.Context(), &rds.AddTagsToResourceInput{ResourceName: arn, Tags: []rdstypes.Tag{
		{Key: new(federation.TagWarehouse), Value: new("analytics")}, {Key: new(federation.TagName), Value: new("No Name")}, {Key: new(federation.TagGrant), Value: new("analysts")}}}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := api.RemoveTagsFromResource(context.Background(), &rds.RemoveTagsFromResourceInput{ResourceName: arn,
			TagKeys: []string{federation.TagWarehouse, federation.TagName, federation.TagGrant}}); err != nil {
			t.Error(err)
		}
	}()
	out := succeed(t, "", "status")
	says(t, out, "\n\ninstance orders-prod has tags that ask for nothing: grantUsageTo[0]: \"analysts\" is no grantee;", "\n    name: is \"No Name\";")
	if !strings.HasSuffix(out, "\n  remedy: correct the tags of the instance\n") {
		t.Errorf("it ends with\n%s", out)
	}
	if _, err := api.RemoveTagsFromResource(t.Context(), &rds.RemoveTagsFromResourceInput{ResourceName: arn, TagKeys: []string{federation.TagName, federation.TagGrant}}); err != nil {
		t.Fatal(err)
	}
	if out := succeed(t, "", "status"); strings.Contains(out, "tags") {
		t.Errorf("of tags that are right it says\n%s", out)
	}
}
