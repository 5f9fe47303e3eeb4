package awslease_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

const keys = "aws_access_key_id = AKIDKEYS\naws_secret_access_key = " + secretKey + "\n"

func TestLoadFails(t *testing.T) {
	for name, tc := range map[string]struct {
		config  string
		profile string // given; empty is the default chain
		env     map[string]string
		reason  string
		says    []string
	}{
		"no such profile": {"[profile others]\n" + keys, "mine", nil, awslease.ProfileMissing,
			[]string{"profile mine", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "the property Profile", "[profile mine]"}},
		"no such AWS_PROFILE":      {"", "", map[string]string{"AWS_PROFILE": "mine"}, awslease.ProfileMissing, []string{"profile mine", "correct AWS_PROFILE"}},
		"no such source":           {"[profile mine]\nrole_arn = " + role + "\nsource_profile = gone\n", "mine", nil, awslease.ProfileMissing, []string{"profile mine", `source_profile "gone"`}},
		"source without anything":  {"[profile mine]\nrole_arn = " + role + "\nsource_profile = bare\n[profile bare]\nregion = eu-west-1\n", "mine", nil, awslease.ProfileInvalid, []string{`source_profile "bare" has no credentials`, role}},
		"loop":                     {"[profile a]\nrole_arn = " + role + "\nsource_profile = b\n[profile b]\nrole_arn = " + role + "\nsource_profile = a\n", "a", nil, awslease.ProfileLoop, []string{"profile a", `leads back to profile "a"`}},
		"loop further on":          {"[profile a]\nrole_arn = " + role + "\nsource_profile = b\n[profile b]\nrole_arn = " + role + "\nsource_profile = c\n[profile c]\nrole_arn = " + role + "\nsource_profile = b\n", "a", nil, awslease.ProfileLoop, []string{"profile a", `leads back to profile "b"`}},
		"own source, without keys": {"[profile a]\nrole_arn = " + role + "\nsource_profile = a\n", "a", nil, awslease.ProfileLoop, []string{`leads back to profile "a"`}},
		"source without role":      {"[profile a]\nsource_profile = b\n[profile b]\n" + keys, "a", nil, awslease.ProfileInvalid, []string{`profile "a" has source_profile and no role_arn`}},
		"credential_source without role": {"[profile a]\ncredential_source = Environment\n", "a", nil, awslease.ProfileInvalid,
			[]string{"credential_source", "role_arn"}},
		"unknown credential_source": {"[profile a]\nrole_arn = " + role + "\ncredential_source = Nope\n", "a", nil, awslease.ProfileInvalid,
			[]string{`profile "a" has the credential_source "Nope"`, "Ec2InstanceMetadata, Environment or EcsContainer"}},
		"unknown credential_source of the source": {"[profile a]\nrole_arn = " + role + "\nsource_profile = b\n[profile b]\nrole_arn = " + role + "\ncredential_source = environment\n", "a", nil, awslease.ProfileInvalid,
			[]string{"profile a", `profile "b" has the credential_source "environment"`}},
		"container that is none": {"[profile a]\nrole_arn = " + role + "\ncredential_source = EcsContainer\n", "a", nil, awslease.ConfigurationInvalid, []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"}},
		"two kinds at once":      {"[profile a]\nrole_arn = " + role + "\ncredential_source = Environment\nsource_profile = b\n[profile b]\n" + keys, "a", nil, awslease.ConfigurationInvalid, []string{"only one credential type"}},
		"MFA": {"[profile a]\nrole_arn = " + role + "\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile b]\n" + keys, "a", nil, awslease.MFARequired,
			[]string{"connector.WithMFAToken", `profile "a"`, "arn:aws:iam::111122223333:mfa/u"}},
		"half a sign-on": {"[profile a]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = r\n", "a", nil, awslease.ConfigurationInvalid, []string{"SSO session"}},
		"half a key":     {"[profile a]\naws_access_key_id = AKIDKEYS\n", "a", nil, awslease.ConfigurationInvalid, []string{"partial credentials"}},
		"endpoint of a container that is no address": {"", "", map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/"}, awslease.ConfigurationInvalid, []string{"192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.config, "")
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			c := resolve.Credentials{Kind: resolve.DefaultChain}
			if tc.profile != "" {
				c = resolve.Credentials{Kind: resolve.Profile, Profile: tc.profile}
			}
			_, err := awslease.Load(t.Context(), c, awslease.Options{})
			fails(t, err, fault.Blocked, tc.reason, tc.says...)
		})
	}
}

// A section that nearly is the profile is named, and nothing else of the files.
func TestProfileThatIsNearlyThere(t *testing.T) {
	const others = "[profile strange]\n" + keys + "[Profile-mine]\n" + keys
	for name, tc := range map[string]struct {
		config, credentials, wanted string
		says                        []string
		not                         string
	}{
		"config without profile":      {others + "[mine] # of mine\n" + keys, "", "mine", []string{"AWS_CONFIG_FILE has the section [mine], and [profile mine] is looked for there", "rename the section, or correct the property Profile"}, "write the profile"},
		"credentials with profile":    {others, "[ profile mine ]\r\n" + keys, "mine", []string{"AWS_SHARED_CREDENTIALS_FILE has the section [profile mine], and [mine] is looked for there"}, "AWS_CONFIG_FILE has"},
		"another case":                {"[profile MINE]\n" + keys, "[Mine]\n" + keys, "mine", []string{"AWS_CONFIG_FILE has the section [profile MINE], and [profile mine] is", "AWS_SHARED_CREDENTIALS_FILE has the section [Mine], and [mine] is"}, ""},
		"another case of profile":     {"\t[Profile mine]\n" + keys, "", "mine", []string{"has the section [Profile mine], and [profile mine] is"}, ""},
		"the source of another":       {"[profile mine]\nrole_arn = " + role + "\nsource_profile = base\n[base]\n" + keys, "", "mine", []string{`source_profile "base" is in neither`, "has the section [base], and [profile base] is", "rename the section, or correct source_profile"}, ""},
		"nothing like it":             {others + "# [mine]\nx = [mine]\n", "[profile mined]\n" + keys, "mine", []string{"write the profile: [profile mine] in the first file"}, "has the section"},
		"a section without a bracket": {"[mine\n" + keys, "", "mine", []string{"write the profile"}, "has the section"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.config, tc.credentials)
			_, err := awslease.Load(t.Context(), resolve.Credentials{Kind: resolve.Profile, Profile: tc.wanted}, awslease.Options{})
			fails(t, err, fault.Blocked, awslease.ProfileMissing, append(tc.says, "profile mine")...)
			if strings.Contains(err.Error(), "strange") || strings.Contains(err.Error(), "Profile-mine") || tc.not != "" && strings.Contains(err.Error(), tc.not) {
				t.Errorf("%v\nsays too much", err)
			}
		})
	}
}

// Amazon's page for its drivers writes the file with a capital letter, which no SDK reads where letters count.
func TestCapitalCredentials(t *testing.T) {
	alone(t, "", "")
	folder := t.TempDir()
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(folder, "credentials"))
	if err := os.WriteFile(filepath.Join(folder, "Credentials"), []byte("[mine]\n"+keys), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "credentials")); err == nil {
		t.Skip("letters do not count here")
	}
	_, err := awslease.Load(t.Context(), resolve.Credentials{Kind: resolve.Profile, Profile: "mine"}, awslease.Options{})
	fails(t, err, fault.Blocked, awslease.ProfileMissing, filepath.Join(folder, "Credentials")+" is not read")
}

// A profile that is its own source uses its own keys, which is no loop.
func TestOwnSource(t *testing.T) {
	alone(t, "[profile a]\nrole_arn = "+role+"\nsource_profile = a\n"+keys, "")
	f, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, session("AssumeRole", "ASIAROLE"))
	mints(t, load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2"}), f)
	sts.asked(t, "AKIDKEYS/us-west-2/sts")
	f.asked(t, "ASIAROLE/us-west-2/redshift+T")
}

// A function for codes that misbehaves ends neither the program nor the wait of others, and is not hidden.
func TestMFAFunctionThatMisbehaves(t *testing.T) {
	for reason, tc := range map[string]struct {
		ask  func() (string, error)
		says string
	}{
		awslease.Panic: {func() (string, error) { panic("of the program's own") }, "of the program's own"},
		awslease.Gone:  {func() (string, error) { runtime.Goexit(); return "", nil }, "ended the goroutine"},
	} {
		t.Run(reason, func(t *testing.T) {
			alone(t, "[profile a]\nrole_arn = "+role+"\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile b]\n"+keys, "")
			f := serve(t)
			client := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", StsEndpoint: f.url}, awslease.Options{Region: "us-west-2", MFAToken: tc.ask})
			for range 2 { // the next is as good as the first
				_, err := client.Mint(t.Context(), settings(f))
				fails(t, err, fault.Bug, reason, "profile a", tc.says)
			}
			f.asked(t)
		})
	}
}

// A code that is typed too late for who waited is not asked for again.
func TestMFAThatComesLate(t *testing.T) {
	alone(t, "[profile a]\nrole_arn = "+role+"\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile b]\n"+keys, "")
	f, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, session("AssumeRole", "ASIAROLE"))
	var asked atomic.Int64
	prompt, typed := make(chan struct{}), make(chan struct{})
	client := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2", MFAToken: func() (string, error) {
		asked.Add(1)
		close(prompt)
		<-typed
		return "123456", nil
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-prompt
		cancel()
	}()
	_, err := client.Mint(ctx, settings(f))
	fails(t, err, fault.Retry, awserror.Unavailable)
	close(typed)
	mints(t, client, f)
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	f.asked(t, "ASIAROLE/us-west-2/redshift+T")
}

func TestMFA(t *testing.T) {
	const profile = "[profile a]\nrole_arn = " + role + "\nsource_profile = b\nmfa_serial = arn:aws:iam::111122223333:mfa/u\n[profile b]\n" + keys
	for name, tc := range map[string]struct {
		code   string
		err    error
		answer awstest.Answer
		reason string // empty where there is a login
		says   string
	}{
		"good":    {code: "123456", answer: session("AssumeRole", "ASIAROLE")},
		"no code": {"", nil, awstest.Answer{}, awslease.MFARequired, "the program gave none"},
		"failing": {"", errors.New("the terminal is gone"), awstest.Answer{}, awslease.MFARequired, "the terminal is gone"},
		"wrong":   {"654321", nil, awstest.QueryError(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."), "Unauthorized", "MultiFactorAuthentication failed"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, profile, "")
			f, sts := serve(t, answer("GetClusterCredentials", login)), serve(t, tc.answer)
			asked := 0
			client := load(t, resolve.Credentials{Kind: resolve.Profile, Profile: "a", StsEndpoint: sts.url}, awslease.Options{Region: "us-west-2", MFAToken: func() (string, error) {
				asked++
				return tc.code, tc.err
			}})
			for range 2 {
				_, err := client.Mint(t.Context(), settings(f))
				if tc.reason != "" {
					fails(t, err, fault.Blocked, tc.reason, tc.says)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if asked != 1 {
				t.Errorf("asked %d times for one session", asked)
			}
			if r := sts.Requests(); len(r) != 1 || r[0].Form.Get("TokenCode") != tc.code || !strings.HasSuffix(r[0].Form.Get("SerialNumber"), ":mfa/u") {
				t.Errorf("sent %v", r)
			}
		})
	}
}
