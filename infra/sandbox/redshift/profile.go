package redshift

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Limits of authentication profiles.
// Source: Amazon Redshift Management Guide, Creating an authentication profile (limitations and quotas); Amazon Redshift API
// Reference, AuthenticationProfile.
const (
	maxProfiles    = 10 // of an account
	maxProfileName = 63 // characters
)

var profileName = regexp.MustCompile(`^[a-zA-Z0-9-]+$`)

// secretKeys are the keys that no profile may have: those of the drivers' own logins, and the name of another profile. What
// AWS says of their case is not complete, so that every case is refused.
// Source: Amazon Redshift Management Guide, Creating an authentication profile (limitations and quotas).
var secretKeys = []string{"accesskeyid", "access_key_id", "secretaccesskey", "secret_access_key_id", "pwd", "password", "authprofile", "auth_profile"}

// A profile is an authentication profile as requests and answers have it.
type profile struct {
	AuthenticationProfileName    string `aws:"required"`
	AuthenticationProfileContent string `aws:"required"`
}

func (p profile) validate() error {
	if err := checkProfileName(p.AuthenticationProfileName); err != nil {
		return err
	}
	var content map[string]any
	if err := json.Unmarshal([]byte(p.AuthenticationProfileContent), &content); err != nil || content == nil {
		return badProfile("The content of an authentication profile must be a JSON object.") // whose text may hold what must not be told
	}
	for _, key := range slices.Sorted(maps.Keys(content)) {
		value, _ := content[key].(string)
		if slices.Contains(secretKeys, strings.ToLower(key)) || strings.EqualFold(value, "AuthProfile") {
			return badProfile("The content of an authentication profile cannot have the key or value of %s.", key)
		}
	}
	return nil
}

func checkProfileName(name string) error {
	if len(name) > maxProfileName || !profileName.MatchString(name) {
		return badProfile("The name %q is not valid: it must have 1 to %d letters, digits and hyphens.", name, maxProfileName)
	}
	return nil
}

func (s *Service) createAuthenticationProfile(_ context.Context, call *awshttp.Call) (any, error) {
	var in profile
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	if err := authorizeProfile(call); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.profiles[in.AuthenticationProfileName]; taken {
		return nil, &awshttp.Error{Code: "AuthenticationProfileAlreadyExistsFault", Message: "Authentication profile " + in.AuthenticationProfileName + " already exists."}
	}
	if len(s.profiles) >= maxProfiles {
		return nil, &awshttp.Error{Code: "AuthenticationProfileQuotaExceededFault", Message: fmt.Sprintf("An account can have %d authentication profiles.", maxProfiles)}
	}
	s.profiles[in.AuthenticationProfileName] = in.AuthenticationProfileContent
	return in, nil
}

func (s *Service) describeAuthenticationProfiles(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct{ AuthenticationProfileName *string }
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if in.AuthenticationProfileName != nil {
		if err := checkProfileName(*in.AuthenticationProfileName); err != nil {
			return nil, err
		}
	}
	if err := authorizeProfile(call); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ AuthenticationProfiles []profile }{[]profile{}}
	for _, name := range slices.Sorted(maps.Keys(s.profiles)) {
		if in.AuthenticationProfileName == nil || *in.AuthenticationProfileName == name {
			out.AuthenticationProfiles = append(out.AuthenticationProfiles, profile{name, s.profiles[name]})
		}
	}
	if in.AuthenticationProfileName != nil && len(out.AuthenticationProfiles) == 0 {
		return nil, noSuchProfile(*in.AuthenticationProfileName)
	}
	return out, nil
}

func (s *Service) deleteAuthenticationProfile(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		AuthenticationProfileName string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := checkProfileName(in.AuthenticationProfileName); err != nil {
		return nil, err
	}
	if err := authorizeProfile(call); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.profiles[in.AuthenticationProfileName]; !known {
		return nil, noSuchProfile(in.AuthenticationProfileName)
	}
	delete(s.profiles, in.AuthenticationProfileName)
	return in, nil
}

// authorizeProfile asks about the operation: profiles are no resources of policies.
func authorizeProfile(call *awshttp.Call) error {
	return call.Authorize(awshttp.Access{Action: "redshift:" + call.Operation, Resource: "*"})
}

func badProfile(format string, args ...any) error {
	return &awshttp.Error{Code: "InvalidAuthenticationProfileRequestFault", Message: fmt.Sprintf(format, args...)}
}

func noSuchProfile(name string) error {
	return &awshttp.Error{Status: 404, Code: "AuthenticationProfileNotFoundFault", Message: "Authentication profile " + name + " not found."}
}
