package redshift_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"
)

func (w *world) createProfile(t *testing.T, name, content string) error {
	t.Helper()
	out, err := w.CreateAuthenticationProfile(t.Context(), &api.CreateAuthenticationProfileInput{AuthenticationProfileName: &name, AuthenticationProfileContent: &content})
	if err == nil && (*out.AuthenticationProfileName != name || *out.AuthenticationProfileContent != content) {
		t.Errorf("CreateAuthenticationProfile() = %+v", out)
	}
	return err
}

func TestAuthenticationProfiles(t *testing.T) {
	w := newWorld(t)
	const content = `{"AllowDBUserOverride": "1", "AutoCreate": false, "note": "<&>"}`
	for _, name := range []string{"Reports", "loads-1"} {
		if err := w.createProfile(t, name, content); err != nil {
			t.Fatal(err)
		}
	}
	all, err := w.DescribeAuthenticationProfiles(t.Context(), nil)
	if err != nil || len(all.AuthenticationProfiles) != 2 {
		t.Errorf("all: %+v, %v; want two", all, err)
	}
	one, err := w.DescribeAuthenticationProfiles(t.Context(), &api.DescribeAuthenticationProfilesInput{AuthenticationProfileName: new("Reports")})
	if err != nil || len(one.AuthenticationProfiles) != 1 || *one.AuthenticationProfiles[0].AuthenticationProfileContent != content {
		t.Errorf("one: %+v, %v", one, err)
	}
	_, err = w.DescribeAuthenticationProfiles(t.Context(), &api.DescribeAuthenticationProfilesInput{AuthenticationProfileName: new("reports")}) // case counts
	if _, ok := errors.AsType[*types.AuthenticationProfileNotFoundFault](err); !ok {
		t.Errorf("another case of the name: %v", err)
	}
	_, err = w.DescribeAuthenticationProfiles(t.Context(), &api.DescribeAuthenticationProfilesInput{AuthenticationProfileName: new("")})
	coded(t, err, "InvalidAuthenticationProfileRequestFault", "name")

	remove := func(name string) error {
		out, err := w.DeleteAuthenticationProfile(t.Context(), &api.DeleteAuthenticationProfileInput{AuthenticationProfileName: &name})
		if err == nil && *out.AuthenticationProfileName != name {
			t.Errorf("DeleteAuthenticationProfile() = %+v", out)
		}
		return err
	}
	if err := remove("Reports"); err != nil {
		t.Fatal(err)
	}
	coded(t, remove("Reports"), "AuthenticationProfileNotFoundFault", "Reports")
	coded(t, remove("a b"), "InvalidAuthenticationProfileRequestFault", "a b")

	w.policy.deny = []string{"redshift:CreateAuthenticationProfile *", "redshift:DescribeAuthenticationProfiles *", "redshift:DeleteAuthenticationProfile *"}
	coded(t, w.createProfile(t, "more", "{}"), "AccessDenied", "CreateAuthenticationProfile")
	_, err = w.DescribeAuthenticationProfiles(t.Context(), nil)
	coded(t, err, "AccessDenied", "DescribeAuthenticationProfiles")
	coded(t, remove("Reports"), "AccessDenied", "DeleteAuthenticationProfile") // said before whether there is one
}

func TestAuthenticationProfilesAreRefused(t *testing.T) {
	w := newWorld(t)
	const request = "InvalidAuthenticationProfileRequestFault"
	for _, tc := range []struct{ name, profile, content, text string }{
		{"name with an underscore", "a_b", "{}", "a_b"},
		{"name of 64 characters", strings.Repeat("x", 64), "{}", "1 to 63"},
		{"no JSON", "p", "Host=x", "JSON object"},
		{"a list", "p", "[]", "JSON object"},
		{"null", "p", "null", "JSON object"},
		{"access key", "p", `{"AccessKeyID": "x"}`, "AccessKeyID"},
		{"access key of Python", "p", `{"access_key_id": "x"}`, "access_key_id"},
		{"secret key", "p", `{"SecretAccessKey": "x"}`, "SecretAccessKey"},
		{"password", "p", `{"PWD": "x"}`, "PWD"},
		{"password in another case", "p", `{"passWord": "x"}`, "passWord"},
		{"another profile", "p", `{"AuthProfile": "x"}`, "AuthProfile"},
		{"another profile of Python", "p", `{"auth_profile": "x"}`, "auth_profile"},
		{"another profile as a value", "p", `{"key": "AuthProfile"}`, "key"},
	} {
		t.Run(tc.name, func(t *testing.T) { coded(t, w.createProfile(t, tc.profile, tc.content), request, tc.text) })
	}
	for i := range 10 {
		if err := w.createProfile(t, fmt.Sprintf("p%d", i), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	coded(t, w.createProfile(t, "p10", "{}"), "AuthenticationProfileQuotaExceededFault", "10")
	coded(t, w.createProfile(t, "p9", "{}"), "AuthenticationProfileAlreadyExistsFault", "p9")
}
