package awsiam_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsiam"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

func roles(t *testing.T, answers ...awstest.Answer) (*awsiam.Roles, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsiam.New(iam.NewFromConfig(s.Config())), s
}

func answer(operation, inside string) awstest.Answer {
	return awstest.Answer{Body: `<` + operation + `Response><` + operation + `Result>` + inside + `</` + operation + `Result></` + operation + `Response>`}
}

// encoded is a document as IAM answers it: blanks and plus signs are different things.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

const (
	document = `{"Statement": [{"Sid": "a+b"}]}`
	tags     = `<Tags><member><Key>sluice:stage</Key><Value>prod</Value></member><member><Key>sluice:federation</Key><Value>orders</Value></member></Tags>`
)

var ours = map[string]string{"sluice:stage": "prod", "sluice:federation": "orders"}

func TestRole(t *testing.T) {
	for name, tc := range map[string]struct {
		extra string
		want  federation.Role
	}{
		"ours": {`<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>arn:b</PermissionsBoundaryArn></PermissionsBoundary>` + tags,
			federation.Role{ARN: "arn:r", Trust: document, Boundary: "arn:b", Tags: ours}},
		"plain": {"", federation.Role{ARN: "arn:r", Trust: document, Tags: map[string]string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := roles(t, answer("GetRole", `<Role><RoleName>r</RoleName><Arn>arn:r</Arn><AssumeRolePolicyDocument>`+encoded(document)+`</AssumeRolePolicyDocument>`+tc.extra+`</Role>`))
			if got, found, err := r.Role(t.Context(), "r"); err != nil || !found || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("Role = %+v, %t, %v\nwant %+v", got, found, err, tc.want)
			}
			if q := s.Requests(); len(q) != 1 || !q[0].IsForm("GetRole", map[string]string{"RoleName": "r"}) {
				t.Errorf("sent %+v", q)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	r, s := roles(t, answer("GetRolePolicy", `<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>`+encoded(document)+`</PolicyDocument>`))
	if got, found, err := r.Policy(t.Context(), "r", "p"); err != nil || !found || got != document {
		t.Errorf("Policy = %q, %t, %v", got, found, err)
	}
	if q := s.Requests(); len(q) != 1 || !q[0].IsForm("GetRolePolicy", map[string]string{"RoleName": "r", "PolicyName": "p"}) {
		t.Errorf("sent %+v", q)
	}
}

func TestDocumentThatIsNotEncoded(t *testing.T) {
	r, _ := roles(t, answer("GetRolePolicy", `<PolicyDocument>50%</PolicyDocument>`))
	if _, found, err := r.Policy(t.Context(), "r", "p"); found || fault.KindOf(err) != fault.Bug {
		t.Errorf("%t, %v", found, err)
	}
}

var noSuch = awstest.QueryError(404, "NoSuchEntity", "The role with name r cannot be found.")

func TestWhatIsNotThere(t *testing.T) {
	r, _ := roles(t, noSuch)
	if _, found, err := r.Role(t.Context(), "r"); found || err != nil {
		t.Errorf("Role: %t, %v", found, err)
	}
	if _, found, err := r.Policy(t.Context(), "r", "p"); found || err != nil {
		t.Errorf("Policy: %t, %v", found, err)
	}
	for name, err := range map[string]error{"DeletePolicy": r.DeletePolicy(t.Context(), "r", "p"), "Delete": r.Delete(t.Context(), "r"), "SetBoundary": r.SetBoundary(t.Context(), "r", "")} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChanges(t *testing.T) {
	full := federation.NewRole{Name: "r", Path: "/sluice/prod/", Trust: document, Boundary: "arn:b", Description: "Sluice", Tags: ours}
	bare := federation.NewRole{Name: "r", Path: "/", Trust: document}
	for name, tc := range map[string]struct {
		do        func(*testing.T, *awsiam.Roles) error
		operation string
		want      map[string]string
	}{
		"create": {func(t *testing.T, r *awsiam.Roles) error { return r.Create(t.Context(), full) }, "CreateRole", map[string]string{
			"RoleName": "r", "Path": "/sluice/prod/", "AssumeRolePolicyDocument": document, "PermissionsBoundary": "arn:b", "Description": "Sluice",
			"Tags.member.1.Key": "sluice:federation", "Tags.member.1.Value": "orders", "Tags.member.2.Key": "sluice:stage", "Tags.member.2.Value": "prod"}},
		"create bare": {func(t *testing.T, r *awsiam.Roles) error { return r.Create(t.Context(), bare) }, "CreateRole", map[string]string{"RoleName": "r", "Path": "/", "AssumeRolePolicyDocument": document}},
		"trust": {func(t *testing.T, r *awsiam.Roles) error { return r.SetTrust(t.Context(), "r", document) }, "UpdateAssumeRolePolicy",
			map[string]string{"RoleName": "r", "PolicyDocument": document}},
		"boundary": {func(t *testing.T, r *awsiam.Roles) error { return r.SetBoundary(t.Context(), "r", "arn:b") }, "PutRolePermissionsBoundary",
			map[string]string{"RoleName": "r", "PermissionsBoundary": "arn:b"}},
		"no boundary": {func(t *testing.T, r *awsiam.Roles) error { return r.SetBoundary(t.Context(), "r", "") }, "DeleteRolePermissionsBoundary", map[string]string{"RoleName": "r"}},
		"policy": {func(t *testing.T, r *awsiam.Roles) error { return r.SetPolicy(t.Context(), "r", "p", document) }, "PutRolePolicy",
			map[string]string{"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}},
		"no policy": {func(t *testing.T, r *awsiam.Roles) error { return r.DeletePolicy(t.Context(), "r", "p") }, "DeleteRolePolicy", map[string]string{"RoleName": "r", "PolicyName": "p"}},
		"delete":    {func(t *testing.T, r *awsiam.Roles) error { return r.Delete(t.Context(), "r") }, "DeleteRole", map[string]string{"RoleName": "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := roles(t, answer(tc.operation, ""))
			if err := tc.do(t, r); err != nil {
				t.Error(err)
			}
			if q := s.Requests(); len(q) != 1 || !q[0].IsForm(tc.operation, tc.want) {
				t.Errorf("sent %+v\nwant %s %v", q, tc.operation, tc.want)
			}
		})
	}
}

func TestCreateWhoseAnswerWasLostFindsItsRole(t *testing.T) {
	r, s := roles(t, awstest.Answer{Drop: true}, awstest.QueryError(409, "EntityAlreadyExists", "Role with name r already exists."))
	if err := r.Create(t.Context(), federation.NewRole{Name: "r", Path: "/", Trust: document}); fault.ReasonOf(err) != federation.AlreadyThere || len(s.Requests()) != 2 {
		t.Errorf("%v, %d calls", err, len(s.Requests()))
	}
}

func TestUnder(t *testing.T) {
	member := func(name string) string {
		return `<member><RoleName>` + name + `</RoleName><Arn>arn:` + name + `</Arn></member>`
	}
	r, s := roles(t,
		answer("ListRoles", `<Roles>`+member("a")+`</Roles><IsTruncated>true</IsTruncated><Marker>more</Marker>`),
		answer("ListRoleTags", `<Tags><member><Key>sluice:stage</Key><Value>prod</Value></member></Tags><IsTruncated>true</IsTruncated><Marker>rest</Marker>`),
		answer("ListRoleTags", `<Tags><member><Key>sluice:federation</Key><Value>orders</Value></member></Tags><IsTruncated>false</IsTruncated>`),
		answer("ListRoles", `<Roles>`+member("b")+member("c")+`</Roles><IsTruncated>false</IsTruncated>`),
		noSuch, // b went meanwhile
		answer("ListRoleTags", `<Tags/><IsTruncated>false</IsTruncated>`))
	got, err := r.Under(t.Context(), "/sluice/prod/")
	if want := map[string]map[string]string{"a": ours, "c": {}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Under = %v, %v; want %v", got, err, want)
	}
	for i, want := range []struct {
		operation string
		form      map[string]string
	}{
		{"ListRoles", map[string]string{"PathPrefix": "/sluice/prod/"}}, {"ListRoleTags", map[string]string{"RoleName": "a"}}, {"ListRoleTags", map[string]string{"RoleName": "a", "Marker": "rest"}},
		{"ListRoles", map[string]string{"PathPrefix": "/sluice/prod/", "Marker": "more"}}, {"ListRoleTags", map[string]string{"RoleName": "b"}}, {"ListRoleTags", map[string]string{"RoleName": "c"}},
	} {
		if q := s.Requests(); i >= len(q) || !q[i].IsForm(want.operation, want.form) {
			t.Errorf("call %d is not %v: %+v", i, want, q)
		}
	}
}

func TestRefusals(t *testing.T) {
	calls := map[string]func(*testing.T, *awsiam.Roles) error{
		"look":   func(t *testing.T, r *awsiam.Roles) error { _, _, err := r.Role(t.Context(), "r"); return err },
		"policy": func(t *testing.T, r *awsiam.Roles) error { _, _, err := r.Policy(t.Context(), "r", "p"); return err },
		"create": func(t *testing.T, r *awsiam.Roles) error {
			return r.Create(t.Context(), federation.NewRole{Name: "r", Path: "/"})
		},
		"trust":    func(t *testing.T, r *awsiam.Roles) error { return r.SetTrust(t.Context(), "r", document) },
		"boundary": func(t *testing.T, r *awsiam.Roles) error { return r.SetBoundary(t.Context(), "r", "arn:b") },
		"put":      func(t *testing.T, r *awsiam.Roles) error { return r.SetPolicy(t.Context(), "r", "p", document) },
		"strip":    func(t *testing.T, r *awsiam.Roles) error { return r.DeletePolicy(t.Context(), "r", "p") },
		"delete":   func(t *testing.T, r *awsiam.Roles) error { return r.Delete(t.Context(), "r") },
		"under":    func(t *testing.T, r *awsiam.Roles) error { _, err := r.Under(t.Context(), "r"); return err },
	}
	check := func(call, code string, status int, kind fault.Kind, reason string) {
		t.Run(call+"/"+code, func(t *testing.T) {
			r, _ := roles(t, awstest.QueryError(status, code, "why"))
			err := calls[call](t, r)
			if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), "for r: "+reason+": "+code+": why") {
				t.Errorf("%v\nwant %s, %s", err, kind, reason)
			}
		})
	}
	for call := range calls {
		check(call, "AccessDenied", 403, fault.Blocked, awserror.Unauthorized)
		check(call, "Throttling", 400, fault.Retry, awserror.Throttled)
		check(call, "ServiceFailure", 500, fault.Retry, awserror.Unavailable)
	}
	check("create", "EntityAlreadyExists", 409, fault.Retry, federation.AlreadyThere)
	check("create", "LimitExceeded", 409, fault.Blocked, awsiam.LimitExceeded)
	check("create", "ConcurrentModification", 409, fault.Retry, federation.Conflict)
	check("create", "MalformedPolicyDocument", 400, fault.Blocked, awserror.Rejected)
	check("trust", "NoSuchEntity", 404, fault.Retry, awsiam.Missing)
	check("boundary", "NoSuchEntity", 404, fault.Blocked, awsiam.BoundaryMissing)
	check("create", "NoSuchEntity", 404, fault.Blocked, awsiam.BoundaryMissing)
	check("put", "NoSuchEntity", 404, fault.Retry, awsiam.Missing)
	check("delete", "DeleteConflict", 409, fault.Blocked, federation.PolicyAttached)
	check("delete", "EntityTemporarilyUnmodifiable", 409, fault.Retry, federation.Conflict)
}
