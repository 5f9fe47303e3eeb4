package awslease

import (
	"cmp"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

// A source is where AWS credentials come from, for messages and fingerprints.
type source struct {
	given   resolve.Credentials
	profile string // that the SDK reads, also for a region alone
	named   bool   // by somebody, so that its absence is an error
	by      string // what named it: a property or a variable
	files   []string

	env    environment // after loading
	shared profile     // after loading

	endpoints string // a fingerprint of those that the profile says
}

func sourceOf(c resolve.Credentials) *source {
	s := &source{given: c, profile: "default"}
	value := func(names ...string) (string, string) {
		for _, name := range names {
			if v := os.Getenv(name); v != "" {
				return v, name
			}
		}
		return "", ""
	}
	if c.Kind == resolve.Profile && c.Profile != "" {
		s.profile, s.by = c.Profile, "the property Profile"
	} else if v, name := value("AWS_PROFILE", "AWS_DEFAULT_PROFILE"); v != "" {
		s.profile, s.by = v, name
	}
	s.named = s.by != ""
	configFile, _ := value("AWS_CONFIG_FILE")
	credentialsFile, _ := value("AWS_SHARED_CREDENTIALS_FILE")
	s.files = []string{cmp.Or(configFile, config.DefaultSharedConfigFiles[0]), cmp.Or(credentialsFile, config.DefaultSharedCredentialsFiles[0])}
	return s
}

// inProfile reports whether the SDK looks for credentials in the profile, or would after the environment.
func (s *source) inProfile() bool {
	return s.given.Kind == resolve.Profile || s.given.Kind == resolve.DefaultChain && !s.env.keys && s.env.tokenFile == ""
}

// find walks from the profile along source_profile to one that is so.
func (s *source) find(so func(*profile) bool) *profile {
	for p := &s.shared; p != nil; p = p.source {
		if so(p) {
			return p
		}
	}
	return nil
}

// String names the source for people.
func (s *source) String() string {
	var name string
	switch s.given.Kind {
	case resolve.Static:
		name = "access key …" + s.given.AccessKeyID[max(0, len(s.given.AccessKeyID)-4):]
	case resolve.Profile:
		name = "profile " + s.profile
	case resolve.InstanceProfile:
		name = "instance profile"
	default:
		name = "default chain"
		if s.named {
			name += " with profile " + s.profile
		}
	}
	if s.given.RoleARN != "" {
		return "role " + s.given.RoleARN + " with " + name
	}
	return name
}

// notices tells of mixtures that the SDK resolves silently.
func notices(c resolve.Credentials, s *source) []resolve.Notice {
	if c.Kind != resolve.DefaultChain {
		return nil
	}
	var out []resolve.Notice
	add := func(name property.Name, format string, args ...any) {
		out = append(out, resolve.Notice{Name: name, Text: fmt.Sprintf(format, args...)})
	}
	if s.env.keys && s.named {
		text := fmt.Sprintf("the keys of the environment (AWS_ACCESS_KEY_ID) win over %s=%s", s.by, s.profile)
		if s.env.region == "" && s.shared.region != "" {
			text += ", from which the region " + s.shared.region + " is still taken"
		}
		add(property.Profile, "%s; to use the profile's credentials, give the property Profile", text)
	}
	set := func(names ...string) bool {
		for _, name := range names {
			if os.Getenv(name) != "" {
				return true
			}
		}
		return false
	}
	id, key := set("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"), set("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY")
	if id != key {
		has, lacks := "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
		if key {
			has, lacks = lacks, has
		}
		add(property.AccessKeyID, "%s is set without %s, so neither is used", has, lacks)
	}
	return out
}
