package identity

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A user is an entity that signs with keys of its own.
type user struct{ entity }

func (u *user) principal() awshttp.Principal {
	return awshttp.Principal{ARN: u.arn(), Account: awshttp.Account, UserID: u.id}
}

func (s *Store) userOperations() map[string]awshttp.Operation {
	return map[string]awshttp.Operation{
		"CreateUser":               operation(s.createUser),
		"GetUser":                  operation(s.getUser),
		"ListUsers":                operation(s.listUsers),
		"DeleteUser":               operation(s.deleteUser),
		"PutUserPolicy":            operation(s.putUserPolicy),
		"GetUserPolicy":            operation(s.getUserPolicy),
		"ListUserPolicies":         operation(s.listUserPolicies),
		"DeleteUserPolicy":         operation(s.deleteUserPolicy),
		"AttachUserPolicy":         operation(s.attachUserPolicy),
		"DetachUserPolicy":         operation(s.detachUserPolicy),
		"ListAttachedUserPolicies": operation(s.listAttachedUserPolicies),
		"CreateAccessKey":          operation(s.createAccessKey),
		"ListAccessKeys":           operation(s.listAccessKeys),
		"DeleteAccessKey":          operation(s.deleteAccessKey),
	}
}

// findUser finds a user by its name as it was given. The caller holds s.mu.
func (s *Store) findUser(name string) (*user, error) {
	if u := s.users[folded(name)]; u != nil && u.name == name {
		return u, nil
	}
	return nil, noSuchEntity("The user with name %s cannot be found.", name)
}

// userByARN is nil if there is no such user. The caller holds s.mu.
func (s *Store) userByARN(arn string) *user {
	u := s.users[folded(arn[strings.LastIndex(arn, "/")+1:])]
	if u == nil || u.arn() != arn {
		return nil
	}
	return u
}

// newUser adds a user. The caller holds s.mu.
func (s *Store) newUser(name, path string) (*user, error) {
	e, err := s.newEntity("user", "AIDA", name, path)
	if err != nil {
		return nil, err
	}
	if s.users[folded(name)] != nil {
		return nil, alreadyExists("User with name %s already exists.", name)
	}
	u := &user{e}
	s.users[folded(name)] = u
	return u, nil
}

// onUser authorizes a call on a user and then does it, with s.mu held. An empty name is the caller's own.
func (s *Store) onUser(call *awshttp.Call, name string, keys map[string][]string, do func(*user) (any, error)) (any, error) {
	s.mu.RLock()
	if u := s.userByARN(call.Principal.ARN); name == "" && u != nil {
		name = u.name
	}
	access := awshttp.Access{Action: "iam:" + call.Operation, Resource: arn("user", "/", name), Context: keys}
	if u, err := s.findUser(name); err == nil {
		access.Resource = u.arn()
	}
	s.mu.RUnlock()
	if name == "" {
		return nil, invalid("Must specify userName when calling with non-User credentials")
	}
	if err := call.Authorize(access); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.findUser(name)
	if err != nil {
		return nil, err
	}
	return do(u)
}

type userOutput struct {
	Path, UserName, UserId, Arn string
	CreateDate                  time.Time
	PermissionsBoundary         *boundaryOutput
	Tags                        []tag `json:",omitempty"`
}

func (u *user) output() userOutput {
	return userOutput{u.path, u.name, u.id, u.arn(), u.created, u.boundaryOutput(), tagList(u.tags)}
}

type createUserInput struct {
	UserName            string `aws:"required"`
	Path                string
	PermissionsBoundary string
	Tags                []tag
}

func (s *Store) createUser(call *awshttp.Call, in createUserInput) (any, error) {
	draft, err := s.newEntity("user", "AIDA", in.UserName, in.Path)
	if err != nil {
		return nil, err
	}
	keys := tagContext(in.Tags)
	if in.PermissionsBoundary != "" {
		keys["iam:PermissionsBoundary"] = []string{in.PermissionsBoundary}
	}
	if err := call.Authorize(awshttp.Access{Action: "iam:CreateUser", Resource: draft.arn(), Context: keys}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.setBoundary(&draft, in.PermissionsBoundary); err != nil {
		return nil, err
	}
	if err := draft.addTags(in.Tags); err != nil {
		return nil, err
	}
	u, err := s.newUser(in.UserName, in.Path)
	if err != nil {
		return nil, err
	}
	u.boundary, u.tags = draft.boundary, draft.tags
	return struct{ User userOutput }{u.output()}, nil
}

type ownUserInput struct{ UserName string }

func (s *Store) getUser(call *awshttp.Call, in ownUserInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		return struct{ User userOutput }{u.output()}, nil
	})
}

func (s *Store) listUsers(call *awshttp.Call, in listInput) (any, error) {
	if err := call.Authorize(awshttp.Access{Action: "iam:ListUsers", Resource: arn("user", cmp.Or(in.PathPrefix, "/"), "")}); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []userOutput{}
	for _, key := range slices.Sorted(maps.Keys(s.users)) {
		if u := s.users[key]; strings.HasPrefix(u.path, in.PathPrefix) {
			found = append(found, u.output())
		}
	}
	items, more, err := cut(found, func(u userOutput) string { return folded(u.UserName) }, in.paging)
	return struct {
		Users []userOutput
		page
	}{items, more}, err
}

type userInput struct {
	UserName string `aws:"required"`
}

func (s *Store) deleteUser(call *awshttp.Call, in userInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		if err := u.deletable(); err != nil {
			return nil, err
		}
		if len(s.keysOf(u)) > 0 {
			return nil, deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		delete(s.users, folded(u.name))
		return nil, nil
	})
}

type putUserPolicyInput struct {
	UserName       string `aws:"required"`
	PolicyName     string `aws:"required"`
	PolicyDocument string `aws:"required"`
}

func (s *Store) putUserPolicy(call *awshttp.Call, in putUserPolicyInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		return nil, u.putInline(in.PolicyName, in.PolicyDocument)
	})
}

type userPolicyInput struct {
	UserName   string `aws:"required"`
	PolicyName string `aws:"required"`
}

func (s *Store) getUserPolicy(call *awshttp.Call, in userPolicyInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		d, err := u.findInline(in.PolicyName)
		return struct{ UserName, PolicyName, PolicyDocument string }{u.name, in.PolicyName, encoded(d)}, err
	})
}

type userListInput struct {
	UserName string `aws:"required"`
	paging
}

func (s *Store) listUserPolicies(call *awshttp.Call, in userListInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) { return listInline(&u.entity, in.paging) })
}

func (s *Store) deleteUserPolicy(call *awshttp.Call, in userPolicyInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		_, err := u.findInline(in.PolicyName)
		delete(u.inline, in.PolicyName)
		return nil, err
	})
}

type userPolicyARNInput struct {
	UserName  string `aws:"required"`
	PolicyArn string `aws:"required"`
}

func (s *Store) attachUserPolicy(call *awshttp.Call, in userPolicyARNInput) (any, error) {
	return s.onUser(call, in.UserName, policyContext(in.PolicyArn), func(u *user) (any, error) {
		return nil, s.attach(&u.entity, in.PolicyArn)
	})
}

func (s *Store) detachUserPolicy(call *awshttp.Call, in userPolicyARNInput) (any, error) {
	return s.onUser(call, in.UserName, policyContext(in.PolicyArn), func(u *user) (any, error) {
		return nil, u.detach(in.PolicyArn)
	})
}

func (s *Store) listAttachedUserPolicies(call *awshttp.Call, in userListInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) { return listAttached(&u.entity, in.paging) })
}
