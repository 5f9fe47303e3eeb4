package awslease_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// Values that no message may show.
const (
	secretKey = "SECRET-correct-horse"
	token     = "TOKEN-battery-staple"
)

// alone takes everything of AWS out of the environment, and puts two files in its place: those of the shared configuration.
func alone(t *testing.T, configFile, credentialsFile string) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // restores it afterwards
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	folder := t.TempDir()
	t.Setenv("HOME", folder)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for variable, content := range map[string]string{"AWS_CONFIG_FILE": configFile, "AWS_SHARED_CREDENTIALS_FILE": credentialsFile} {
		path := filepath.Join(folder, variable)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, path)
	}
}

// static are an access key, as properties give it.
func static() resolve.Credentials {
	return resolve.Credentials{Kind: resolve.Static, AccessKeyID: "AKIDGIVEN", SecretAccessKey: secret.New(secretKey), SessionToken: secret.New(token)}
}

func load(t *testing.T, c resolve.Credentials, o awslease.Options) *awslease.Client {
	t.Helper()
	client, err := awslease.Load(t.Context(), c, awslease.WithoutWaits(o))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// A far is what answers, and remembers who asked: "key/region/service", with "+token" where a session token came along.
type far struct {
	*awstest.Service
	url string

	mu     sync.Mutex
	askers []string
}

var credential = regexp.MustCompile(`Credential=([^/]+)/[0-9]+/([^/]+)/([^/]+)/`)

func serve(t *testing.T, answers ...awstest.Answer) *far {
	f := &far{Service: awstest.Serve(answers...)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asker := "nobody"
		if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			asker = strings.Join(m[1:], "/")
		}
		if t := r.Header.Get("X-Amz-Security-Token"); t != "" {
			asker += "+" + t
		}
		f.mu.Lock()
		f.askers = append(f.askers, asker)
		f.mu.Unlock()
		f.ServeHTTP(w, r)
	}))
	f.url = server.URL
	t.Cleanup(func() { server.CloseClientConnections(); server.Close(); f.Close() })
	return f
}

// asked compares who asked so far.
func (f *far) asked(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Equal(f.askers, want) {
		t.Errorf("asked by %q, want %q", f.askers, want)
	}
}

// settings are those of a login as user app on cluster c1.
func settings(f *far) resolve.Settings {
	return resolve.Settings{Login: resolve.GetClusterCredentials, Region: "us-west-2", Cluster: "c1", Database: "dev", DbUser: "app", Endpoint: f.url}
}

func answer(operation, inside string) awstest.Answer {
	return awstest.Answer{Body: "<" + operation + "Response><" + operation + "Result>" + inside + "</" + operation + "Result></" + operation + "Response>"}
}

const login = `<DbUser>IAM:app</DbUser><DbPassword>correct horse</DbPassword><Expiration>2031-05-04T10:35:30Z</Expiration>`

var minted = lease.Lease{User: "IAM:app", Expires: time.Date(2031, 5, 4, 10, 35, 30, 0, time.UTC), Asked: awstest.Now}

// same compares leases without their passwords, and those by what they reveal.
func same(t *testing.T, got, want lease.Lease, password string) {
	t.Helper()
	if got.Password.Reveal() != password {
		t.Errorf("the password is %q, want %q", got.Password.Reveal(), password)
	}
	got.Password, want.Password = secret.Value{}, secret.Value{}
	if got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

// fails checks a fault, and that it shows no secret.
func fails(t *testing.T, err error, kind fault.Kind, reason string, says ...string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.ReasonOf(err) != reason {
		t.Errorf("%v\nis %s, %s; want %s, %s", err, fault.KindOf(err), fault.ReasonOf(err), kind, reason)
	}
	if err == nil {
		return
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v\ndoes not say %s", err, part)
		}
	}
	if kind != fault.Bug && fault.FixOf(err) == "" {
		t.Errorf("%v\nhas no remedy", err)
	}
	for _, hidden := range []string{secretKey, token, "horse", "<nil>"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%v\nshows %s", err, hidden)
		}
	}
	t.Log(err)
}
