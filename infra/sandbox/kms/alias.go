package kms

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

var aliasName = regexp.MustCompile(`^alias/[A-Za-z0-9/_-]{1,250}$`)

// aliasesOf are the names of a key in order. The caller holds s.mu.
func (s *Service) aliasesOf(k *key) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(s.aliases)) {
		if s.aliases[name] == k.id {
			names = append(names, name)
		}
	}
	return names
}

// createAlias asks for the action twice, on the alias and on its key, as KMS does.
func (s *Service) createAlias(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		AliasName   string `aws:"required"`
		TargetKeyId string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "kms:CreateAlias", Resource: s.arn(in.AliasName)}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(in.TargetKeyId, "alias/") {
		return nil, invalid("Aliases must refer to keys. Not aliases")
	}
	k, err := s.find(in.TargetKeyId)
	if err != nil {
		return nil, err
	}
	if err := call.Authorize(s.access(k, "CreateAlias", nil)); err != nil {
		return nil, err
	}
	switch {
	case !aliasName.MatchString(in.AliasName):
		return nil, &awshttp.Error{Code: "InvalidAliasNameException", Message: "Alias must start with the prefix \"alias/\" and contain only letters, digits, /, _ and -."}
	case strings.HasPrefix(in.AliasName, "alias/aws/"):
		return nil, &awshttp.Error{Code: "NotAuthorizedException", Message: "The alias name is reserved for AWS: " + in.AliasName}
	case s.aliases[in.AliasName] != "":
		return nil, &awshttp.Error{Code: "AlreadyExistsException", Message: "An alias with the name " + s.arn(in.AliasName) + " already exists"}
	case k.state == pendingDeletion:
		return nil, k.wrongState()
	}
	s.aliases[in.AliasName] = k.id
	return nil, nil
}

type aliasEntry struct{ AliasName, AliasArn, TargetKeyId string }

// listAliases answers all aliases, or those of one key, in one page.
func (s *Service) listAliases(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct{ KeyId *string }
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "kms:ListAliases", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Sorted(maps.Keys(s.aliases))
	if in.KeyId != nil {
		k, err := s.find(*in.KeyId)
		if err != nil {
			return nil, err
		}
		names = s.aliasesOf(k)
	}
	out := struct {
		Aliases   []aliasEntry
		Truncated bool
	}{Aliases: []aliasEntry{}}
	for _, name := range names {
		out.Aliases = append(out.Aliases, aliasEntry{name, s.arn(name), s.aliases[name]})
	}
	return out, nil
}
