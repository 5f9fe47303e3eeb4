package awslease

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/sluicehq/sluice/shared/fault"
)

// credentialSources are the values that credential_source has.
//
// Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider".
var credentialSources = []string{"Ec2InstanceMetadata", fromEnvironment, fromContainer}

const (
	fromEnvironment = "Environment"
	fromContainer   = "EcsContainer"
)

// explainLoad is what keeps the SDK from loading its configuration, as a *[fault.Error]. It makes no call.
func (s *source) explainLoad(ctx context.Context, err error) error {
	e := &fault.Error{Kind: fault.Blocked, Op: "load the AWS configuration", Subject: "profile " + s.profile}
	set := func(reason string, cause error, fix string) error {
		e.Reason, e.Err, e.Fix = reason, cause, fix
		return e
	}
	link, isLink := errors.AsType[config.SharedConfigAssumeRoleError](err)
	absent, isAbsent := errors.AsType[config.SharedConfigProfileNotExistError](err)
	lacks, isLacking := errors.AsType[config.CredentialRequiresARNError](err)
	switch {
	case isLink && isAbsent:
		what, fix := fmt.Sprintf("source_profile %q is in neither %s nor %s", absent.Profile, s.files[0], s.files[1]), "correct source_profile, or write that profile"
		if near := s.near(absent.Profile); near != "" {
			what, fix = what+near, "rename the section, or correct source_profile"
		}
		return set(ProfileMissing, errors.New(what), fix)
	case isLink && s.loops(ctx, link.Profile):
		return set(ProfileLoop, fmt.Errorf("source_profile leads back to profile %q, which has no keys of its own", link.Profile),
			"let the last profile of the chain have keys, a credential_source, single sign-on or a credential_process")
	case isLink:
		return set(ProfileInvalid, fmt.Errorf("source_profile %q has no credentials to assume %s with", link.Profile, link.RoleARN), "write credentials into that profile")
	case isAbsent:
		what := fmt.Sprintf("it is in neither %s nor %s", s.files[0], s.files[1])
		fix := "correct " + s.by + ", or write the profile: [profile " + absent.Profile + "] in the first file, [" + absent.Profile + "] in the second"
		if near := s.near(absent.Profile); near != "" {
			what, fix = what+near, "rename the section, or correct "+s.by
		}
		if other := capital(s.files[1]); other != "" {
			fix += "; " + other + " is not read, rename it"
		}
		return set(ProfileMissing, errors.New(what), fix)
	case isLacking:
		return set(ProfileInvalid, fmt.Errorf("profile %q has %s and no role_arn", lacks.Profile, lacks.Type), "add role_arn, or take "+lacks.Type+" away")
	}
	s.reload(ctx)
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		e.Reason, e.Fix = MFARequired, "give the option connector.WithMFAToken, or take a profile without mfa_serial"
		if p := s.find(func(p *profile) bool { return p.device != "" }); p != nil {
			e.Err = fmt.Errorf("profile %q wants a code of the device %s (mfa_serial)", p.name, p.device)
		}
		return e
	}
	if p := s.find(func(p *profile) bool {
		return p.credentialSource != "" && !slices.Contains(credentialSources, p.credentialSource)
	}); p != nil {
		return set(ProfileInvalid, fmt.Errorf("profile %q has the credential_source %q", p.name, p.credentialSource),
			"write Ec2InstanceMetadata, Environment or EcsContainer, in this case")
	}
	// The SDK's text may have several lines.
	return set(ConfigurationInvalid, errors.New(strings.Join(strings.Fields(err.Error()), " ")), "correct it, in "+s.files[0]+", in "+s.files[1]+" or in the environment")
}

// loops reports whether a profile without credentials is so because it leads back to itself.
func (s *source) loops(ctx context.Context, profile string) bool {
	_, err := config.LoadSharedConfigProfile(ctx, profile, s.inFiles)
	_, loops := errors.AsType[config.SharedConfigAssumeRoleError](err)
	return loops
}

// heading matches a line that begins a section of a shared configuration file.
var heading = regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*([^\]\r\n]*?)[ \t]*\][ \t]*(?:[#;].*)?\r?$`)

// near says which sections nearly are the profile, that are in a file as only the other has them, or whose letters are of another case. It is
// empty if there are none. It says nothing else of what is in the files.
//
// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func (s *source) near(profile string) (says string) {
	for i, wanted := range []string{"profile " + profile, profile} {
		text, err := os.ReadFile(s.files[i])
		if err != nil {
			continue
		}
		var told []string
		for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
			section := strings.Join(strings.Fields(m[1]), " ")
			alike := strings.EqualFold(section, profile) || strings.EqualFold(section, "profile "+profile)
			if alike && section != wanted && !slices.Contains(told, section) {
				told = append(told, section)
				says += fmt.Sprintf("; %s has the section [%s], and [%s] is looked for there", s.files[i], section, wanted)
			}
		}
	}
	return says
}

func (s *source) inFiles(o *config.LoadSharedConfigOptions) {
	o.ConfigFiles, o.CredentialsFiles = s.files[:1], s.files[1:]
}

// capital is the file ~/.aws/Credentials, which Amazon's page for its drivers names, if there is one beside no file of that name
// in lower case.
func capital(credentialsFile string) string {
	if _, err := os.Stat(credentialsFile); err == nil {
		return ""
	}
	other := filepath.Join(filepath.Dir(credentialsFile), "Credentials")
	if _, err := os.Stat(other); err != nil {
		return ""
	}
	return other
}
