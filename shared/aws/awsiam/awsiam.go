// Package awsiam keeps roles with the AWS IAM API.
//
// IAM is one service for a whole partition: the SDK finds its endpoint, and signs for its region, by the region of the function.
package awsiam

import (
	"context"
	"maps"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// Roles implements [federation.Roles].
type Roles struct{ api *iam.Client }

var _ federation.Roles = (*Roles)(nil)

// New returns the Roles that api sees.
func New(api *iam.Client) *Roles { return &Roles{api} }

// Reasons of refusals besides those that [federation] names.
const (
	// Missing is a role that has to be there and is not.
	Missing = "RoleMissing"
	// BoundaryMissing is a permissions boundary that is not there.
	BoundaryMissing = "BoundaryMissing"
	// LimitExceeded is an account with all roles that it may have, or a role whose policies are too long.
	LimitExceeded = "RoleQuotaExceeded"
)

// causes are what codes mean for every call.
//
// Source: AWS IAM API Reference, errors of the actions below.
var causes = awserror.Table{
	"NoSuchEntity":                  {Kind: fault.Retry, Reason: Missing, Fix: "nothing; the role is looked at again"},
	"EntityAlreadyExists":           {Kind: fault.Retry, Reason: federation.AlreadyThere, Fix: "nothing; the role is looked at"},
	"DeleteConflict":                {Kind: fault.Blocked, Reason: federation.PolicyAttached, Fix: "detach the policies and instance profiles that others gave the role, or delete it yourself"},
	"ConcurrentModification":        {Kind: fault.Retry, Reason: federation.Conflict, Fix: "nothing; it is tried again"},
	"EntityTemporarilyUnmodifiable": {Kind: fault.Retry, Reason: federation.Conflict, Fix: "nothing; it is tried again"},
	"LimitExceeded":                 {Kind: fault.Blocked, Reason: LimitExceeded, Fix: "delete roles that are not needed, or ask AWS for more"},
}

// bounded is causes for calls that name a boundary. IAM has the same code for a boundary that is missing as for a role; its
// message tells which, and a role that went meanwhile is made when the federation is looked at again.
var bounded = func() awserror.Table {
	t := maps.Clone(causes)
	t["NoSuchEntity"] = awserror.Cause{Kind: fault.Blocked, Reason: BoundaryMissing, Fix: "deploy Sluice, which makes the permissions boundary that the message names"}
	return t
}()

// absent reports whether err says that the role or the policy is not there.
func absent(err error) bool { return fault.ReasonOf(err) == Missing }

// Role implements [federation.Roles].
func (r *Roles) Role(ctx context.Context, name string) (federation.Role, bool, error) {
	out, err := r.api.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	err = awserror.Explain(err, "look at role", name, causes)
	if absent(err) {
		return federation.Role{}, false, nil
	}
	if err != nil || out.Role == nil {
		return federation.Role{}, false, err
	}
	role := federation.Role{ARN: aws.ToString(out.Role.Arn), Tags: tagMap(out.Role.Tags)}
	if out.Role.PermissionsBoundary != nil {
		role.Boundary = aws.ToString(out.Role.PermissionsBoundary.PermissionsBoundaryArn)
	}
	role.Trust, err = decode(out.Role.AssumeRolePolicyDocument, "look at role", name)
	return role, err == nil, err
}

// Create implements [federation.Roles].
func (r *Roles) Create(ctx context.Context, n federation.NewRole) error {
	in := &iam.CreateRoleInput{RoleName: &n.Name, Path: &n.Path, AssumeRolePolicyDocument: &n.Trust, Tags: tagList(n.Tags)}
	if n.Boundary != "" {
		in.PermissionsBoundary = &n.Boundary
	}
	if n.Description != "" {
		in.Description = &n.Description
	}
	_, err := r.api.CreateRole(ctx, in)
	return awserror.Explain(err, "make role", n.Name, bounded)
}

// SetTrust implements [federation.Roles].
func (r *Roles) SetTrust(ctx context.Context, role, document string) error {
	_, err := r.api.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document})
	return awserror.Explain(err, "set trust", role, causes)
}

// SetBoundary implements [federation.Roles]. An empty arn takes the boundary away.
func (r *Roles) SetBoundary(ctx context.Context, role, arn string) error {
	if arn != "" {
		_, err := r.api.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &role, PermissionsBoundary: &arn})
		return awserror.Explain(err, "set boundary", role, bounded)
	}
	_, err := r.api.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: &role})
	return ifPresent(awserror.Explain(err, "remove boundary", role, causes))
}

// Policy implements [federation.Roles].
func (r *Roles) Policy(ctx context.Context, role, name string) (string, bool, error) {
	out, err := r.api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
	err = awserror.Explain(err, "look at policy "+name, role, causes)
	if absent(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	document, err := decode(out.PolicyDocument, "look at policy "+name, role)
	return document, err == nil, err
}

// SetPolicy implements [federation.Roles].
func (r *Roles) SetPolicy(ctx context.Context, role, name, document string) error {
	_, err := r.api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: &name, PolicyDocument: &document})
	return awserror.Explain(err, "set policy "+name, role, causes)
}

// DeletePolicy implements [federation.Roles].
func (r *Roles) DeletePolicy(ctx context.Context, role, name string) error {
	_, err := r.api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: &name})
	return ifPresent(awserror.Explain(err, "delete policy "+name, role, causes))
}

// Delete implements [federation.Roles].
func (r *Roles) Delete(ctx context.Context, role string) error {
	_, err := r.api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
	return ifPresent(awserror.Explain(err, "delete role", role, causes))
}

// ifPresent is nil where err says that what should go is not there.
func ifPresent(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

// Under implements [federation.Roles]. ListRoles tells no tags: each role is asked for its own.
func (r *Roles) Under(ctx context.Context, path string) (map[string]map[string]string, error) {
	roles := make(map[string]map[string]string)
	pages := iam.NewListRolesPaginator(r.api, &iam.ListRolesInput{PathPrefix: &path})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "list roles", path, causes)
		}
		for _, role := range page.Roles {
			name := aws.ToString(role.RoleName)
			tags, err := r.tags(ctx, name)
			if absent(err) {
				continue // it went since the list was made
			}
			if err != nil {
				return nil, err
			}
			roles[name] = tags
		}
	}
	return roles, nil
}

func (r *Roles) tags(ctx context.Context, role string) (map[string]string, error) {
	tags := make(map[string]string)
	pages := iam.NewListRoleTagsPaginator(r.api, &iam.ListRoleTagsInput{RoleName: &role})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "list tags", role, causes)
		}
		maps.Copy(tags, tagMap(page.Tags))
	}
	return tags, nil
}

// decode reads a document, which IAM answers in the encoding of URLs.
//
// Source: AWS IAM API Reference, GetRole and GetRolePolicy (RFC 3986).
func decode(document *string, op, role string) (string, error) {
	text, err := url.PathUnescape(aws.ToString(document))
	if err != nil {
		return "", &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: op, Subject: role, Err: err, Fix: "report this message"}
	}
	return text, nil
}

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: new(k), Value: new(tags[k])})
	}
	return list
}
