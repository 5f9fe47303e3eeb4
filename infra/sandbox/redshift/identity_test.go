package redshift_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// session is the principal of a session of a role.
func session(role, name string) awshttp.Principal {
	short := role[strings.LastIndex(role, "/")+1:]
	return awshttp.Principal{ARN: "arn:aws:sts::111122223333:assumed-role/" + short + "/" + name, Account: awshttp.Account,
		Role: "arn:aws:iam::111122223333:role/" + role}
}

// connect logs in over verified TLS.
func (w *world) connect(t *testing.T, user, password string) (*pgx.Conn, error) {
	return pgx.Connect(t.Context(), fmt.Sprintf("host=localhost port=%d dbname=exampledb sslmode=verify-full sslrootcert=%s user='%s' password='%s'",
		w.endpoint.Port(), w.root, user, password))
}

// An IAM identity is one database user, which is there from the first login on.
func TestCredentialsWithIAMAreThoseOfTheCaller(t *testing.T) {
	w := newWorld(t)
	long := "Stack-" + strings.Repeat("x", 50)
	for _, tc := range []struct {
		name         string
		caller       awshttp.Principal
		login, user  string
		alreadyThere bool
	}{
		{"a user under a path", awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/staff/nora"}, "IAM:nora", "IAM:nora", false},
		{"a role under a path", session("team/Reports", "one"), "IAMR:Reports", "IAMR:Reports", false},
		{"another session of the role", session("team/Reports", "two"), "IAMR:Reports", "IAMR:Reports", true},
		{"a role with a name too long for PostgreSQL", session(long+"1234567", "one"), "IAMR:" + long + "1234567", "IAMR:" + long[:49] + "~05c0b28a", false},
		{"another one that begins so", session(long+"7654321", "one"), "IAMR:" + long + "7654321", "IAMR:" + long[:49] + "~89b03b33", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.policy.caller = tc.caller
			before := w.clock.Now()
			out, err := w.GetClusterCredentialsWithIAM(t.Context(), &api.GetClusterCredentialsWithIAMInput{ClusterIdentifier: new(identifier), DbName: new("exampledb")})
			if err != nil {
				t.Fatal(err)
			}
			if *out.DbUser != tc.login {
				t.Errorf("DbUser = %q; want %q", *out.DbUser, tc.login)
			}
			if left := out.Expiration.Sub(before); left < 899*time.Second || left > 905*time.Second || out.NextRefreshTime == nil {
				t.Errorf("Expiration leaves %v, NextRefreshTime %v; want the default, 15m, and a time", left, out.NextRefreshTime)
			}
			if found, err := w.endpoint.HasUser(t.Context(), tc.user); err != nil || found != tc.alreadyThere {
				t.Errorf("before the login: HasUser(%s) = %t, %v", tc.user, found, err)
			}
			conn, err := w.connect(t, *out.DbUser, *out.DbPassword)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var user string
			if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != tc.user {
				t.Errorf("logged in as %q, %v; want %q", user, err, tc.user)
			}
		})
	}
}

// The name that the two APIs give to an existing user and to an IAM user may be the same; the password tells them apart.
func TestCredentialsOfTheSameNameOpenWhatTheyWereIssuedFor(t *testing.T) {
	w := newWorld(t)
	own, err := w.GetClusterCredentialsWithIAM(t.Context(), &api.GetClusterCredentialsWithIAMInput{ClusterIdentifier: new(identifier)})
	if err != nil {
		t.Fatal(err)
	}
	given, err := w.GetClusterCredentials(t.Context(), ask(func(in *api.GetClusterCredentialsInput) { in.DbUser, in.AutoCreate = new("alice"), new(true) }))
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.GetClusterCredentials(t.Context(), ask(func(in *api.GetClusterCredentialsInput) { in.DbUser = new("alice") }))
	if err != nil {
		t.Fatal(err)
	}
	if *own.DbUser != *again.DbUser {
		t.Fatalf("names %q and %q; want the same", *own.DbUser, *again.DbUser)
	}
	for _, tc := range []struct{ name, password, want string }{
		{*own.DbUser, *own.DbPassword, "IAM:alice"}, {*given.DbUser, *given.DbPassword, "alice"}, {*again.DbUser, *again.DbPassword, "alice"},
	} {
		conn, err := w.connect(t, tc.name, tc.password)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var user string
		if err := conn.QueryRow(t.Context(), "SELECT current_user").Scan(&user); err != nil || user != tc.want {
			t.Errorf("%s logged in as %q, %v; want %q", tc.name, user, err, tc.want)
		}
	}
}

func TestCredentialsWithIAMAreRefused(t *testing.T) {
	w := newWorld(t)
	type input = api.GetClusterCredentialsWithIAMInput
	for _, tc := range []struct {
		name       string
		in         input
		code, text string
	}{
		{"no such cluster", input{ClusterIdentifier: new("missing")}, "ClusterNotFound", "Cluster missing not found."},
		{"no cluster", input{}, "InvalidParameterValue", "ClusterIdentifier"},
		{"database with a blank", input{ClusterIdentifier: new(identifier), DbName: new("a b")}, "InvalidParameterValue", "DbName"},
		{"reserved database", input{ClusterIdentifier: new(identifier), DbName: new("Select")}, "InvalidParameterValue", "reserved"},
		{"899 seconds", input{ClusterIdentifier: new(identifier), DurationSeconds: new(int32(899))}, "InvalidParameterValue", "between 900 and 3600"},
		{"3601 seconds", input{ClusterIdentifier: new(identifier), DurationSeconds: new(int32(3601))}, "InvalidParameterValue", "between 900 and 3600"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.GetClusterCredentialsWithIAM(t.Context(), &tc.in)
			coded(t, err, tc.code, tc.text)
		})
	}
	if err := w.service.SetStatus(identifier, "paused"); err != nil {
		t.Fatal(err)
	}
	_, err := w.GetClusterCredentialsWithIAM(t.Context(), &input{ClusterIdentifier: new(identifier)})
	coded(t, err, "InvalidClusterState", "paused")
	w.policy.caller = awshttp.Principal{Service: "lambda.amazonaws.com"}
	if err := w.service.SetStatus(identifier, "available"); err != nil {
		t.Fatal(err)
	}
	_, err = w.GetClusterCredentialsWithIAM(t.Context(), &input{ClusterIdentifier: new(identifier)})
	coded(t, err, "UnsupportedOperation", "lambda.amazonaws.com")
}

func TestCredentialsWithIAMAreAuthorized(t *testing.T) {
	w := newWorld(t)
	const action, arn = "redshift:GetClusterCredentialsWithIAM", "arn:aws:redshift:us-east-1:111122223333:dbname:examplecluster/"
	for _, tc := range []struct {
		name     string
		in       api.GetClusterCredentialsWithIAMInput
		resource string
		keys     map[string][]string
	}{
		{"one database", api.GetClusterCredentialsWithIAMInput{DbName: new("exampledb"), DurationSeconds: new(int32(1800))}, arn + "exampledb",
			map[string][]string{"redshift:DbName": {"exampledb"}, "redshift:DurationSeconds": {"1800"}, "redshift:DbUser": nil}},
		{"all databases", api.GetClusterCredentialsWithIAMInput{}, arn + "*",
			map[string][]string{"redshift:DbName": nil, "redshift:DurationSeconds": {"900"}, "redshift:DbUser": nil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.ClusterIdentifier = new(identifier)
			w.policy.deny, w.policy.asked = nil, nil
			if _, err := w.GetClusterCredentialsWithIAM(t.Context(), &tc.in); err != nil {
				t.Fatal(err)
			}
			if len(w.policy.asked) != 1 || w.policy.asked[0].Action != action || w.policy.asked[0].Resource != tc.resource {
				t.Fatalf("asked %+v; want one question, on %s", w.policy.asked, tc.resource)
			}
			for key, want := range tc.keys {
				if got := w.policy.asked[0].Context[key]; !slices.Equal(got, want) {
					t.Errorf("%s = %q; want %q", key, got, want)
				}
			}
			w.policy.deny = []string{action + " " + tc.resource}
			_, err := w.GetClusterCredentialsWithIAM(t.Context(), &tc.in)
			coded(t, err, "AccessDenied", action)
		})
	}
	w.policy.deny = []string{action + " arn:aws:redshift:us-east-1:111122223333:dbname:missing/*"}
	_, err := w.GetClusterCredentialsWithIAM(t.Context(), &api.GetClusterCredentialsWithIAMInput{ClusterIdentifier: new("missing")})
	coded(t, err, "AccessDenied", action) // said before whether there is such a cluster
}

// A login that is for one database opens no other.
func TestCredentialsWithIAMOpenTheirDatabase(t *testing.T) {
	w := newWorld(t)
	out, err := w.GetClusterCredentialsWithIAM(t.Context(), &api.GetClusterCredentialsWithIAMInput{ClusterIdentifier: new(identifier), DbName: new("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.connect(t, *out.DbUser, *out.DbPassword); err == nil || !strings.Contains(err.Error(), "not authorized to log on to database") {
		t.Errorf("login to another database: %v", err)
	}
}
