package property_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
)

func TestFromAuthProfile(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		want          said
	}{
		{"empty", `{}`, said{}},
		{"lower case", `{"dbgroups": "g1,g2", "dbuser": "u"}`, said{property.DbGroups: "g1,g2", property.DbUser: "u"}},
		{"as the Python driver calls them", `{"db_name": "dev", "user_name": "u", "cluster_identifier": "c", "region": "r", "duration": 1800, "iam_disable_cache": false}`,
			said{property.Database: "dev", property.UID: "u", property.ClusterID: "c", property.Region: "r", property.Duration: "1800", property.DisableCache: "false"}},
		{"booleans", `{"AutoCreate": true, "ForceLowercase": false}`, said{property.AutoCreate: "true", property.ForceLowercase: "false"}},
		{"numbers as written", `{"Port": 5439, "IAMDuration": 9e2}`, said{property.Port: "5439", property.Duration: "9e2"}},
		{"null is nothing", `{"Region": null, "plugin_name": null}`, said{}},
		{"list of groups", `{"db_groups": ["a", "b"]}`, said{property.DbGroups: "a,b"}},
		{"host", `{"host": "` + endpoint + `"}`, said{property.Host: endpoint}},
		{"AWS profile", `{"profile": "x"}`, said{property.Profile: "x"}},
		{"ignored", `{"EnableFetchRingBuffer": true, "databaseMetadataCurrentDbOnly": true}`, said{}},
		{"the same twice", `{"Region": "r", "region": "r"}`, said{property.Region: "r"}},
		{"semicolons and braces", `{"DbUser": "a;PWD={b}"}`, said{property.DbUser: "a;PWD={b}"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.FromAuthProfile("reports", []byte(tc.content))
			expect(t, got, err, tc.want)
		})
	}
}

func TestFromAuthProfileRefuses(t *testing.T) {
	const at = "authentication profile reports: "
	for _, tc := range []struct {
		name, content string
		want          []string
	}{
		{"no JSON", `{{{{`, []string{at + "content: is no JSON object, as byte "}},
		{"nothing", ``, []string{at + "content: is no JSON object, as byte 1 shows; write"}},
		{"cut short", `{"Region": "r"`, []string{at + "content"}},
		{"cut short behind a problem", `{"colour": "r", `, []string{at + "content"}},
		{"another kind", `["Region"]`, []string{at + "content"}},
		{"text behind", `{"Region": "r"} x`, []string{at + "content"}},
		{"two objects", `{} {}`, []string{at + "content"}},
		{"what it may not hold", `{"AccessKeyID": "x", "secret_access_key": "x", "SessionToken": "x", "pwd": "x", "Password": "x", "auth_profile": "x"}`, []string{
			at + "AccessKeyID: may not be in an authentication profile; give it to the program that connects", at + "secret_access_key: may not be", at + "SessionToken: may not be",
			at + "pwd: may not be", at + "Password: may not be", at + "auth_profile: may not be"}},
		{"whom to trust", `{"CaFile": "/ca.pem", "sslrootcert": "/ca.pem", "TLSServerName": "h", "endpoint_url": "https://h", "StsEndpointUrl": "https://h"}`, []string{
			at + "CaFile: may not be in an authentication profile; write it into the program's own properties", at + "sslrootcert: may not be",
			at + "TLSServerName: may not be", at + "endpoint_url: may not be", at + "StsEndpointUrl: may not be"}},
		{"plugin", `{"plugin_name": "Okta", "principal": "p", "idpPort": 443}`, []string{at + "plugin_name: belongs", at + "principal: belongs", at + "idpPort: belongs"}},
		{"unknown", `{"Regoin": "r", "colour": true}`, []string{at + "Regoin: is no property; did you mean Region?", at + "colour: is no property"}},
		{"other values", `{"Region": {"a": 1}, "DbGroups": [1], "db_groups": ["a,b"]}`, []string{at + "Region: is neither a text", at + "DbGroups: is neither", at + "db_groups: is neither"}},
		{"hidden by another", `{"DbUser": "a", "DbUser": "b"}`, []string{at + "DbUser: is given twice, with different values"}},
		{"duration and IAMDuration", `{"duration": 900, "IAMDuration": 3600}`, []string{at + "IAMDuration: says something else than duration"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.FromAuthProfile("reports", []byte(tc.content))
			refused(t, got, err, tc.want)
		})
	}
}
