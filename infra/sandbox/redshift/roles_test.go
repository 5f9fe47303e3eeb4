package redshift_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/redshift"
)

// roles are those that Redshift may assume.
type roles map[string]bool

func (r roles) AssumeAs(service, role string) (awshttp.Principal, error) {
	if service != "redshift.amazonaws.com" || !r[role] {
		return awshttp.Principal{}, errors.New("no")
	}
	return awshttp.Principal{Role: role}, nil
}

func role(name string) string { return "arn:aws:iam::111122223333:role/sluice/test/" + name }

// modify adds and removes roles of the world's cluster, given by their names.
func (w *world) modify(t *testing.T, add, remove []string) error {
	t.Helper()
	in := &api.ModifyClusterIamRolesInput{ClusterIdentifier: new(identifier)}
	for _, name := range add {
		in.AddIamRoles = append(in.AddIamRoles, role(name))
	}
	for _, name := range remove {
		in.RemoveIamRoles = append(in.RemoveIamRoles, role(name))
	}
	_, err := w.ModifyClusterIamRoles(t.Context(), in)
	return err
}

// shown lists the roles of the cluster as DescribeClusters tells them, by name, without the one that was always there.
func (w *world) shown(t *testing.T) string {
	t.Helper()
	out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{ClusterIdentifier: new(identifier)})
	if err != nil {
		t.Fatal(err)
	}
	if status := *out.Clusters[0].ClusterStatus; status != "available" {
		t.Errorf("cluster is %s; want available all the time", status)
	}
	var all []string
	for _, r := range out.Clusters[0].IamRoles {
		if name, ok := strings.CutPrefix(*r.IamRoleArn, role("")); ok {
			all = append(all, name+" "+*r.ApplyStatus)
		}
	}
	return strings.Join(all, ", ")
}

func newRoleWorld(t *testing.T, names ...string) *world {
	w, known := newWorld(t), roles{}
	for _, name := range names {
		known[role(name)] = true
	}
	w.service.SetRoles(known)
	return w
}

func TestRolesComeAndGo(t *testing.T) {
	w := newRoleWorld(t, "a", "b", "c")
	step := func(what, want string) {
		t.Helper()
		if got := w.shown(t); got != want {
			t.Fatalf("%s: roles are %q; want %q", what, got, want)
		}
	}
	if err := w.modify(t, []string{"a", "b"}, nil); err != nil {
		t.Fatal(err)
	}
	step("at once", "a adding, b adding")
	if got := w.service.AttachedRoles(identifier); !slices.Equal(got, []string{"arn:aws:iam::111122223333:role/fq"}) {
		t.Errorf("usable while others are added: %q", got)
	}
	w.clock.Advance(redshift.RoleAddTime - 5*time.Second)
	step("before its time", "a adding, b adding")
	w.clock.Advance(5 * time.Second)
	step("in its time", "a in-sync, b in-sync")

	if err := w.modify(t, []string{"c"}, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	step("both at once", "a removing, b in-sync, c adding")
	w.clock.Advance(redshift.RoleRemoveTime)
	step("removed", "b in-sync, c adding")
	coded(t, w.modify(t, nil, []string{"b"}), "InvalidClusterState", "modified by a concurrent operation")
	w.clock.Advance(redshift.RoleAddTime)
	step("all done", "b in-sync, c in-sync")
	if got := w.service.AttachedRoles(identifier); !slices.Equal(got[1:], []string{role("b"), role("c")}) {
		t.Errorf("usable: %q; want b and c", got)
	}

	// What is so already needs no work: the next change is not held up.
	for range 2 {
		if err := w.modify(t, []string{"b"}, []string{"a"}); err != nil {
			t.Fatal(err)
		}
		step("nothing to do", "b in-sync, c in-sync")
	}
}

func TestRolesAreAppliedOneChangeAtATime(t *testing.T) {
	w := newRoleWorld(t, "a", "b")
	if err := w.modify(t, []string{"a"}, nil); err != nil {
		t.Fatal(err)
	}
	coded(t, w.modify(t, []string{"b"}, nil), "InvalidClusterState", "The Cluster is being modified by a concurrent operation.")
	_, err := w.PauseCluster(t.Context(), &api.PauseClusterInput{ClusterIdentifier: new(identifier)})
	coded(t, err, "InvalidClusterState", "concurrent")
	if got := w.shown(t); got != "a adding" {
		t.Errorf("roles are %q; want nothing of the refused change", got)
	}
}

func TestRolesNeedAnAvailableCluster(t *testing.T) {
	w := newRoleWorld(t, "a")
	for _, status := range []string{"paused", "resizing", "modifying", "available, prep-for-resize"} {
		if err := w.service.SetStatus(identifier, status); err != nil {
			t.Fatal(err)
		}
		coded(t, w.modify(t, []string{"a"}, nil), "InvalidClusterState", "There is an operation running on the Cluster")
	}
}

func TestRolesAreRefused(t *testing.T) {
	w := newRoleWorld(t, "a")
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprint("many-", i)
	}
	for _, tc := range []struct {
		name        string
		add, remove []string
		code, text  string
	}{
		{"role that is not there or trusts others", []string{"a", "missing"}, nil, "InvalidParameterValue",
			"The IAM role missing is not valid. The IAM role must delegate access to an Amazon Redshift account."},
		{"eleven to add", many, nil, "InvalidParameterValue", "AddIamRoles has 11 roles"},
		{"eleven to remove", nil, many, "InvalidParameterValue", "RemoveIamRoles has 11 roles"},
		{"twice", []string{"a", "a"}, nil, "InvalidParameterValue", "twice"},
		{"both ways", []string{"a"}, []string{"a"}, "InvalidParameterValue", "and in RemoveIamRoles"},
		{"no name", []string{""}, nil, "InvalidParameterValue", "no ARN of a role"},
		{"nothing", nil, nil, "InvalidParameterValue", "is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			coded(t, w.modify(t, tc.add, tc.remove), tc.code, tc.text)
			if got := w.shown(t); got != "" {
				t.Errorf("roles are %q after a refusal", got)
			}
		})
	}
	_, err := w.ModifyClusterIamRoles(t.Context(), &api.ModifyClusterIamRolesInput{ClusterIdentifier: new("missing"), AddIamRoles: []string{role("a")}})
	coded(t, err, "ClusterNotFound", "missing")
	_, err = w.ModifyClusterIamRoles(t.Context(), &api.ModifyClusterIamRolesInput{ClusterIdentifier: new(identifier),
		AddIamRoles: []string{role("a")}, DefaultIamRoleArn: new(role("a"))})
	coded(t, err, "InvalidAction", "DefaultIamRoleArn")
	_, err = w.ModifyClusterIamRoles(t.Context(), &api.ModifyClusterIamRolesInput{ClusterIdentifier: new(identifier),
		AddIamRoles: []string{"arn:aws:iam::999988887777:role/a"}})
	coded(t, err, "InvalidParameterValue", "111122223333")
}

func TestRolesHaveALimit(t *testing.T) {
	w := newRoleWorld(t, "a", "b")
	w.service.SetRoleLimit(2) // one is there
	coded(t, w.modify(t, []string{"a", "b"}, nil), "RoleQuotaExceeded", "it can have 2")
	if err := w.modify(t, []string{"a"}, nil); err != nil {
		t.Error(err)
	}
}

// A role that was deleted while it was attached stays, and can be taken off by its ARN.
func TestRolesDangle(t *testing.T) {
	w := newRoleWorld(t, "a")
	if err := w.modify(t, []string{"a"}, nil); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(redshift.RoleAddTime)
	w.service.SetRoles(roles{}) // a is gone
	if got := w.shown(t); got != "a in-sync" {
		t.Errorf("roles are %q; want a, still in-sync", got)
	}
	if err := w.modify(t, nil, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(redshift.RoleRemoveTime)
	if got := w.shown(t); got != "" {
		t.Errorf("roles are %q; want none", got)
	}
}

func TestRolesAreAuthorized(t *testing.T) {
	w := newRoleWorld(t, "a", "b", "c")
	if err := w.modify(t, []string{"a", "b"}, []string{"c"}); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, a := range w.policy.asked {
		asked = append(asked, a.Action+" "+a.Resource+" "+strings.Join(a.Context["iam:PassedToService"], ""))
	}
	if want := []string{
		"redshift:ModifyClusterIamRoles arn:aws:redshift:us-east-1:111122223333:cluster:examplecluster ",
		"iam:PassRole " + role("a") + " redshift.amazonaws.com", "iam:PassRole " + role("b") + " redshift.amazonaws.com",
	}; !slices.Equal(asked, want) {
		t.Errorf("asked %q; want %q", asked, want)
	}
	w.clock.Advance(redshift.RoleAddTime)
	w.policy.deny = []string{"iam:PassRole " + role("c")}
	coded(t, w.modify(t, []string{"c"}, nil), "AccessDenied", "iam:PassRole")
	w.policy.deny = []string{"redshift:ModifyClusterIamRoles arn:aws:redshift:us-east-1:111122223333:cluster:examplecluster"}
	coded(t, w.modify(t, nil, []string{"a"}), "AccessDenied", "ModifyClusterIamRoles")
}

func TestNetworkOfACluster(t *testing.T) {
	w := newWorld(t)
	if err := w.service.SetSecurityGroups(identifier, "sg-2", "sg-3"); err != nil {
		t.Fatal(err)
	}
	if err := w.service.SetEnhancedRouting(identifier, true); err != nil {
		t.Fatal(err)
	}
	out, err := w.DescribeClusters(t.Context(), &api.DescribeClustersInput{})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Clusters[0]
	if vpc, enhanced := w.service.Routing(identifier); *c.VpcId != vpc || vpc == "" || !enhanced {
		t.Errorf("the cluster is in %q; described in %q, enhanced routing %t", vpc, *c.VpcId, enhanced)
	}
	if vpc, enhanced := w.service.Routing("missing"); vpc != "" || enhanced {
		t.Errorf("a cluster that is not there is in %q, enhanced routing %t", vpc, enhanced)
	}
	if len(c.VpcSecurityGroups) != 2 || *c.VpcSecurityGroups[1].VpcSecurityGroupId != "sg-3" || !*c.EnhancedVpcRouting {
		t.Errorf("groups are %+v, enhanced routing is %v", c.VpcSecurityGroups, *c.EnhancedVpcRouting)
	}
	if got := w.service.SecurityGroups(identifier); !slices.Equal(got, []string{"sg-2", "sg-3"}) {
		t.Errorf("groups are %q", got)
	}
	if err := w.service.SetSecurityGroups("missing"); !errors.Is(err, redshift.ErrClusterNotFound) {
		t.Errorf("groups of a cluster that is not there: %v", err)
	}
}
