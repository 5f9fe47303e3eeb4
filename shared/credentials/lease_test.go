package credentials_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/secret"
)

const password = "correct horse"

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	content = credentials.Content{
		Lease: credentials.Lease{User: "IAMA:app:readers", Password: secret.New(password), IssuedAt: noon, ExpiresAt: noon.Add(time.Hour)},
		Host:  "examplecluster.example.com", Port: 5439, Database: "sales", Cluster: "examplecluster",
	}
)

// The keys are those that AWS documents for a Redshift secret, and two more: applications read them.
func TestContentOnTheWire(t *testing.T) {
	var got map[string]any
	if err := json.Unmarshal([]byte(content.Encode().Reveal()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"engine": "redshift", "host": "examplecluster.example.com", "port": 5439.0, "username": "IAMA:app:readers", "password": password,
		"dbname": "sales", "dbClusterIdentifier": "examplecluster", "issuedAt": "2026-03-01T12:00:00Z", "expiresAt": "2026-03-01T13:00:00Z",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("wrote %v\nwant  %v", got, want)
	}
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	elsewhere := content
	elsewhere.IssuedAt, elsewhere.ExpiresAt = noon.In(time.FixedZone("", 3600)), noon.Add(time.Hour).In(time.FixedZone("", 3600))
	for _, c := range []credentials.Content{content, elsewhere} {
		got, err := credentials.Decode(c.Encode())
		if err != nil || got.Password.Reveal() != password {
			t.Fatalf("Decode = %+v, %v", got, err)
		}
		if got.Password = content.Password; got != content {
			t.Errorf("Decode = %+v, want %+v", got, content)
		}
	}
}

func TestDecode(t *testing.T) {
	good := content.Encode().Reveal()
	for _, tc := range []struct {
		name, value string
		wrong       []string // keys that the error must name; none for success
	}{
		{"as written", good, nil},
		{"byte order mark", "\ufeff" + good, nil},
		{"port in quotes", strings.Replace(good, "5439", `"5439"`, 1), nil},
		{"keys that are not ours", strings.Replace(good, "{", `{"masterarn":"x","nested":{"a":[1]},`, 1), nil},
		{"empty", "", []string{"value"}},
		{"no JSON", "correct horse", []string{"value"}},
		{"no object", `["correct horse"]`, []string{"value"}},
		{"null", "null", []string{"engine", "host", "port", "username", "password", "dbname", "dbClusterIdentifier", "issuedAt", "expiresAt"}},
		{"placeholder", `{"engine":"redshift"}`, []string{"host", "port", "username", "password", "dbname", "dbClusterIdentifier", "issuedAt", "expiresAt"}},
		{"password of another type", strings.Replace(good, `"correct horse"`, "17", 1), []string{"value"}},
		{"another engine", strings.Replace(good, `"redshift"`, `"postgres"`, 1), []string{"engine"}},
		{"port out of range", strings.Replace(good, "5439", "65536", 1), []string{"port"}},
		{"port zero", strings.Replace(good, "5439", "0", 1), []string{"port"}},
		{"port is a word", strings.Replace(good, "5439", `"correct horse"`, 1), []string{"port"}},
		{"no expiry", strings.Replace(good, "expiresAt", "expires", 1), []string{"expiresAt"}},
		{"cut short", good[:len(good)/2], []string{"value"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := credentials.Decode(secret.New(tc.value))
			if tc.wrong == nil {
				if err != nil {
					t.Errorf("Decode: %v", err)
				}
				return
			}
			broken, ok := errors.AsType[*credentials.ContentError](err)
			if !ok || len(broken.Problems) != len(tc.wrong) {
				t.Fatalf("Decode: %v; want problems with %v", err, tc.wrong)
			}
			for i, p := range broken.Problems {
				if p.Where != tc.wrong[i] {
					t.Errorf("problem %d is with %s, want %s", i, p.Where, tc.wrong[i])
				}
			}
			if strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "17") {
				t.Errorf("%v: shows the value", err)
			}
		})
	}
}

func TestLeft(t *testing.T) {
	for now, want := range map[time.Time]time.Duration{
		noon: time.Hour, noon.Add(time.Hour): 0, noon.Add(2 * time.Hour): 0, noon.Add(-time.Hour): 2 * time.Hour,
	} {
		if got := content.Left(now); got != want {
			t.Errorf("Left(%s) = %s, want %s", now, got, want)
		}
	}
}

// Whatever is in a secret, reading it ends in a lease that is complete or in an error that shows nothing of it.
func FuzzDecode(f *testing.F) {
	f.Add(content.Encode().Reveal())
	f.Add(`{"engine":"redshift"}`)
	f.Add(`{"engine":"redshift","port":"x","password":["p"]}`)
	f.Fuzz(func(t *testing.T, value string) {
		c, err := credentials.Decode(secret.New(value))
		if err == nil && (c.Host == "" || c.Port < 1 || c.Port > 65535 || c.User == "" || c.Password.IsZero() || c.Database == "" || c.Cluster == "") {
			t.Errorf("an incomplete lease: %+v", c)
		}
		if err != nil {
			if _, ok := errors.AsType[*credentials.ContentError](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
