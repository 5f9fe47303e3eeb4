package property_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// endpoint is a provisioned cluster's.
const endpoint = "c1.abc.us-west-2.redshift.amazonaws.com"

func TestParseURL(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       said
	}{
		{"JDBC", "jdbc:redshift://" + endpoint + ":5439/dev", said{property.Host: endpoint, property.Port: "5439", property.Database: "dev"}},
		{"JDBC with IAM", "jdbc:redshift:iam://" + endpoint + ":5439/dev", said{property.Host: endpoint, property.Port: "5439", property.Database: "dev", property.IAM: "true"}},
		{"scheme in any case, spaces around", " JDBC:Redshift:IAM://h/dev\n", said{property.Host: "h", property.Database: "dev", property.IAM: "true"}},
		{"DSN", "redshift://u:p@h:5440/dev?sslmode=verify-ca",
			said{property.UID: "u", property.PWD: "p", property.Host: "h", property.Port: "5440", property.Database: "dev", property.SSLMode: "verify-ca"}},
		{"DSN with IAM", "redshift:iam://h", said{property.Host: "h", property.IAM: "true"}},
		{"? and &", "jdbc:redshift://h/dev?UID=u&PWD=p", said{property.Host: "h", property.Database: "dev", property.UID: "u", property.PWD: "p"}},
		{"semicolons", "jdbc:redshift://h/dev;UID=u;PWD=p;", said{property.Host: "h", property.Database: "dev", property.UID: "u", property.PWD: "p"}},
		{"every separator", "jdbc:redshift://h/dev?UID=u?PWD=p;ssl=true&&dbuser=d", said{property.Host: "h", property.Database: "dev", property.UID: "u", property.PWD: "p",
			property.SSL: "true", property.DbUser: "d"}},
		{"properties without a database", "jdbc:redshift://h:5439;UID=u", said{property.Host: "h", property.Port: "5439", property.UID: "u"}},
		{"slash behind the database", "jdbc:redshift://h/dev/?UID=u", said{property.Host: "h", property.Database: "dev", property.UID: "u"}},
		{"cluster and region", "jdbc:redshift:iam://c1:us-west-2/dev", said{property.ClusterID: "c1", property.Region: "us-west-2", property.Database: "dev", property.IAM: "true"}},
		{"a number is a port", "jdbc:redshift:iam://c1:5439/dev", said{property.Host: "c1", property.Port: "5439", property.Database: "dev", property.IAM: "true"}},
		{"properties beside the host that tells the same", "jdbc:redshift:iam://" + endpoint + "/dev?ClusterID=other&Region=eu-west-1",
			said{property.Host: endpoint, property.Database: "dev", property.IAM: "true", property.ClusterID: "other", property.Region: "eu-west-1"}},
		{"IPv6", "redshift://[::1]:5439/dev", said{property.Host: "::1", property.Port: "5439", property.Database: "dev"}},
		{"IPv6 without port", "redshift://[fe80::1]", said{property.Host: "fe80::1"}},
		{"no port behind the colon", "redshift://h:/dev", said{property.Host: "h", property.Database: "dev"}},
		{"plus and percent", "redshift://u:p%40s%2Fs+%25@h/my%20db?SessionToken=a+b%2Bc%3D%3D", said{property.UID: "u", property.PWD: "p@s/s+%", property.Host: "h",
			property.Database: "my db", property.SessionToken: "a+b+c=="}},
		{"value with = signs", "redshift://h/dev?SessionToken=a=b==", said{property.Host: "h", property.Database: "dev", property.SessionToken: "a=b=="}},
		{"name with percent", "redshift://h?auth%5Fprofile=x", said{property.Host: "h", property.AuthProfile: "x"}},
		{"at sign in a user", "redshift://u@corp:p@h", said{property.UID: "u@corp", property.PWD: "p", property.Host: "h"}},
		{"empty values are none", "redshift://h/?UID=&PWD=&plugin_name=", said{property.Host: "h"}},
		{"said twice alike", "jdbc:redshift:iam://h/dev?HOST=H&dbname=dev&iam=1", said{property.Host: "h", property.Database: "dev", property.IAM: "true"}},
		{"connect and login timeout", "redshift://h?connectTimeout=5&loginTimeout=30", said{property.Host: "h", property.ConnectTimeout: "30"}},
		{"login and connect timeout", "redshift://h?loginTimeout=30&connectTimeout=5", said{property.Host: "h", property.ConnectTimeout: "30"}},
		{"no connect timeout, and one of the login", "redshift://h?connectTimeout=0&loginTimeout=9", said{property.Host: "h", property.ConnectTimeout: "9"}},
		{"cluster by property", "jdbc:redshift:iam:///dev?ClusterID=c1", said{property.Database: "dev", property.ClusterID: "c1", property.IAM: "true"}},
		{"workgroup by property", "redshift:iam:///dev?Workgroup=w", said{property.Database: "dev", property.Workgroup: "w", property.IAM: "true"}},
		{"host by property", "redshift:///dev?Server=h", said{property.Database: "dev", property.Host: "h"}},
		{"secret by property", "redshift:///?SecretID=s", said{property.SecretID: "s"}},
		{"authentication profile by property", "redshift:iam://?AuthProfile=a", said{property.AuthProfile: "a", property.IAM: "true"}},
		{"custom domain by property", "redshift:iam://?CustomDomain=d.example", said{property.CustomDomain: "d.example", property.IAM: "true"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.Parse(tc.text)
			expect(t, got, err, tc.want)
		})
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string // parts of one problem each
	}{
		{"nothing found by it", "jdbc:redshift:iam:///dev", []string{"connection string: names no host or cluster; "}},
		{"a port alone", "redshift://:5439/dev", []string{"names no host or cluster"}},
		{"no slashes", "jdbc:redshift:h:5439/dev", []string{"connection string: has no // after its scheme; write redshift://"}},
		{"no slashes with iam", "redshift:iam:h", []string{"has no // after its scheme"}},
		{"port that is none", "redshift://h:99999/dev", []string{"the URL's port: is no number up to 65535; write host:port; cluster:region is for"}},
		{"region without iam", "redshift://c1:us-west-2/dev", []string{"the URL's port: is no number"}},
		{"neither port nor region", "redshift:iam://c1:uswest/dev", []string{"the URL's port: is neither a port nor a region"}},
		{"two hosts", "redshift://h1:5439,h2:5439/dev", []string{"the URL's host: has characters that no host has; write one host:port"}},
		{"brackets left open", "redshift://[::1/dev", []string{"the URL's host: is an address in brackets that does not end"}},
		{"text behind brackets", "redshift://[::1]5439/dev", []string{"the URL's host: is an address in brackets"}},
		{"IPv6 without brackets", "redshift://fe80::1/dev", []string{"the URL's host"}},
		{"password with a slash", "redshift://u:pa/ss@h/dev", []string{"the URL's port", "the URL's database: holds a / or an @"}},
		{"password with digits and a slash", "redshift://u:1234/ss@h", []string{"the URL's database: holds a / or an @ as it is; write %2F or %40"}},
		{"password with a percent", "redshift://u:p%zz@h/dev", []string{"the URL's password: has a % that is not followed by two hexadecimal digits; write %25"}},
		{"value with a percent", "redshift://h/dev?PWD=50%", []string{"PWD: has a %"}},
		{"part without =", "redshift://h/dev?PWD=a&b", []string{"what follows PWD: has a part that is not name=value; if it belongs"}},
		{"no name", "redshift://h/dev?=b", []string{"connection string: has a part that is not name=value"}},
		{"two values", "redshift://h/dev?UID=a&uid=b", []string{"uid: says something else than UID, and both are the property UID; keep one of them"}},
		{"one name twice", "redshift://h/dev?DbUser=a&DbUser=b&DbUser=a", []string{"DbUser: is given twice, with different values; keep one of them"}},
		{"two names", "redshift://h/dev?DbUser=a&uid=c&user=b", []string{"user: says something else than uid, and both are the property UID; keep one of them"}},
		{"another host", "redshift://h/dev?Server=h2", []string{"Server: says something else than the URL before its properties, and both are the property Server"}},
		{"another cluster", "redshift:iam://c1:us-west-2/dev?cluster_identifier=c2", []string{"cluster_identifier: says something else"}},
		{"IAM off and on", "redshift:iam://h/dev?IAM=0", []string{"IAM: says something else"}},
		{"one timeout twice", "redshift://h?connectTimeout=5&connect_timeout=9", []string{"connect_timeout: says something else than connectTimeout, and both are the property ConnectTimeout"}},
		{"timeouts of two drivers", "redshift://h?connectTimeout=5&timeout=9", []string{"timeout: says something else than connectTimeout"}},
		{"timeouts that are no numbers", "redshift://h?connectTimeout=5s&loginTimeout=9", []string{"loginTimeout: says something else than connectTimeout"}},
		{"password with @, / and a separator", "redshift://u:pa@ss/w;ord=x@host/dev", []string{"what follows the beginning of the URL: has the form of a property and is none"}},
		{"password with @ and ?, whose rest looks like a slip", "redshift://u:p@ss?Databse=x@host/dev", []string{"what follows the beginning of the URL: has the form of a property and is none"}},
		{"bytes that are no text", "redshift://h/dev?UID=a%00&DbUser=%ff", []string{"UID: holds bytes that are no text", "DbUser: holds bytes"}},
		{"all at once", "redshift://h:x/dev?UID=a&uid=b&Databse=c&plugin_name=Okta", []string{"the URL's port", "uid: ", "Databse: is no property; did you mean Database?",
			"plugin_name: belongs to the drivers' identity-provider plugins"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.Parse(tc.text)
			refused(t, got, err, tc.want)
		})
	}
}

func TestParseTellsWhatItReads(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "spaces": " \t\n", "postgres": "postgres://u:secret-x@h/db", "postgresql": "POSTGRESQL://h", "another JDBC": "jdbc:postgresql://h/db?a=b", "word": "h:5439",
		"https": "https://example.com/?Server=h", "odd scheme": "redshift+iam://h?UID=u", "sub-scheme": "x:y://h?UID=u",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := property.Parse(text)
			refused(t, got, err, []string{"connection string: "})
			if !strings.Contains(err.Error(), "write redshift://host:port/database?property=value") || strings.Contains(err.Error(), "secret-x") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A string as libpq takes it would be one property with a long value.
func TestParseKnowsStringsOfLibpq(t *testing.T) {
	for text, is := range map[string]bool{
		"host=h port=5439 dbname=dev user=u password=secret-x": true,
		"user=u password='secret x' host=h":                    true,
		" password=secret-x\n host = h ":                       true,
		"SecretID=app":                                         false,
		"AuthProfile=a ":                                       false,
		"SecretID=a b":                                         false,
		"ApplicationName=a b=c;Server=h":                       false,
		"ApplicationName={a b=c}":                              false,
		"PWD=a b=c;Server=h":                                   false,
		"redshift://h/dev?ApplicationName=a b=c":               false,
	} {
		_, err := property.Parse(text)
		said := err != nil && strings.Contains(err.Error(), "has spaces between its properties; write semicolons: host=…;port=…")
		if said != is || err != nil && (!said || strings.Contains(err.Error(), "secret-x")) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
