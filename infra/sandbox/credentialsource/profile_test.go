package credentialsource_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
)

// profiles writes the program's configuration and credentials files.
func profiles(t *testing.T, configuration, credentials string) {
	t.Helper()
	folder := t.TempDir()
	for variable, text := range map[string]string{"AWS_CONFIG_FILE": configuration, "AWS_SHARED_CREDENTIALS_FILE": credentials} {
		file := filepath.Join(folder, variable)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, file)
	}
}

// Profiles that assume a role, with a user's key, with the instance's role, or after another role.
func TestProfilesThatAssumeRoles(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	key := w.store.AddUser("alice", map[string]string{"may": statement(`"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"`)})
	w.instance.Attach(w.role(t, "machine", trustEC2))
	trust := func(principal, condition string) string {
		return statement(`"Effect":"Allow","Principal":{"AWS":"` + account + principal + `"},"Action":"sts:AssumeRole"` + condition)
	}
	w.role(t, "partner", trust("user/alice", `,"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}`))
	w.role(t, "second", trust("role/partner", ""))
	w.role(t, "beside", trust("role/machine", ""))
	profiles(t, `
[profile partner]
source_profile = alice
role_arn = `+account+`role/partner
role_session_name = report
external_id = x-1
[profile stranger]
source_profile = alice
role_arn = `+account+`role/partner
external_id = x-2
[profile second]
source_profile = partner
role_arn = `+account+`role/second
role_session_name = chained
[profile shortcut]
source_profile = alice
role_arn = `+account+`role/second
[profile long]
source_profile = partner
role_arn = `+account+`role/second
duration_seconds = 3601
[profile beside]
credential_source = Ec2InstanceMetadata
role_arn = `+account+`role/beside
role_session_name = from-ec2
`, `
[alice]
aws_access_key_id = `+key.AccessKeyID+`
aws_secret_access_key = `+key.SecretAccessKey.Reveal()+`
`)
	for profile, session := range map[string]string{
		"partner": "partner/report", "second": "second/chained", "beside": "beside/from-ec2",
	} {
		t.Run(profile, func(t *testing.T) { wantCaller(t, load(t, config.WithSharedConfigProfile(profile)), session) })
	}
	for profile, want := range map[string][]string{
		"stranger": {"AccessDenied", "user/alice is not authorized to perform: sts:AssumeRole on resource: " + account + "role/partner"},
		"shortcut": {"AccessDenied", "user/alice is not authorized", "role/second"},
		"long":     {"ValidationError", "1 hour session limit for roles assumed by role chaining"},
	} {
		t.Run(profile, func(t *testing.T) {
			_, err := caller(t.Context(), load(t, config.WithSharedConfigProfile(profile)))
			wantError(t, err, want...)
		})
	}
	w.instance.Detach()
	_, err := caller(t.Context(), load(t, config.WithSharedConfigProfile("beside")))
	wantError(t, err, "no EC2 IMDS role found")
}
