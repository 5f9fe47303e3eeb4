// Package credentials keeps temporary warehouse logins fresh in the secrets of consumers: what a lease is, the
// four steps that replace one, and the decision when to.
//
// It knows no AWS: what it needs of Secrets Manager and Redshift are the interfaces beside [Rotator] and [Refresher].
package credentials

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Lease is one temporary login. It is never renewed, only replaced; it dies by itself at ExpiresAt.
type Lease struct {
	User      string // as Redshift returned it and as it logs in: "IAM:app", "IAMA:app:readers"
	Password  secret.Value
	IssuedAt  time.Time // by the service's clock, UTC
	ExpiresAt time.Time // as Redshift reported it, UTC
}

// Left is how much life the lease has at now; never negative.
func (l Lease) Left(now time.Time) time.Duration { return max(l.ExpiresAt.Sub(now), 0) }

// Content is the value of a consumer's secret: a lease and where it logs in.
type Content struct {
	Lease
	Host     string
	Port     int
	Database string
	Cluster  string
}

// wire is Content in AWS's format for Redshift secrets, with two keys more that say how long it works.
//
// Source: AWS Secrets Manager User Guide, "JSON structure of AWS Secrets Manager secrets", Amazon Redshift.
type wire struct {
	Engine    string          `json:"engine"`
	Host      string          `json:"host"`
	Port      json.RawMessage `json:"port"` // a number; older writers quote it
	Username  string          `json:"username"`
	Password  string          `json:"password"`
	Database  string          `json:"dbname"`
	Cluster   string          `json:"dbClusterIdentifier"`
	IssuedAt  *time.Time      `json:"issuedAt"`
	ExpiresAt *time.Time      `json:"expiresAt"`
}

// Encode writes c as the value of a secret.
func (c Content) Encode() secret.Value {
	b, err := json.Marshal(wire{
		Engine: "redshift", Host: c.Host, Port: json.RawMessage(strconv.Itoa(c.Port)), Username: c.User, Password: c.Password.Reveal(),
		Database: c.Database, Cluster: c.Cluster, IssuedAt: new(c.IssuedAt.UTC()), ExpiresAt: new(c.ExpiresAt.UTC()),
	})
	if err != nil {
		panic("credentials: encode content: " + err.Error()) // only a time outside the years 0 to 9999 cannot be written
	}
	return secret.New(string(b))
}

// A ContentError says which keys of a secret's value are missing or wrong. It never holds a value.
type ContentError struct{ Problems fault.Problems }

func (e *ContentError) Error() string { return "secret value is not a lease: " + e.Problems.Error() }

// Decode reads what [Content.Encode] wrote. Keys that it does not know are ignored. Its error is a *[ContentError].
func Decode(value secret.Value) (Content, error) {
	var w wire
	data := bytes.TrimPrefix([]byte(value.Reveal()), []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(data, &w); err != nil {
		// The decoder's own text may quote what it read.
		return Content{}, &ContentError{fault.Problems{{Where: "value", What: "is not the JSON object that is expected", Fix: "let the next rotation replace it"}}}
	}
	var problems fault.Problems
	need := func(key string, ok bool) {
		if !ok {
			problems = append(problems, fault.Problem{Where: key, What: "is missing or wrong", Fix: "let the next rotation replace it"})
		}
	}
	port, err := strconv.Atoi(strings.Trim(string(w.Port), `"`))
	need("engine", w.Engine == "redshift")
	need("host", w.Host != "")
	need("port", err == nil && port > 0 && port < 1<<16)
	need("username", w.Username != "")
	need("password", w.Password != "")
	need("dbname", w.Database != "")
	need("dbClusterIdentifier", w.Cluster != "")
	need("issuedAt", w.IssuedAt != nil)
	need("expiresAt", w.ExpiresAt != nil)
	if len(problems) > 0 {
		return Content{}, &ContentError{problems}
	}
	return Content{
		Lease: Lease{User: w.Username, Password: secret.New(w.Password), IssuedAt: w.IssuedAt.UTC(), ExpiresAt: w.ExpiresAt.UTC()},
		Host:  w.Host, Port: port, Database: w.Database, Cluster: w.Cluster,
	}, nil
}

// databaseUser is the user that a login name stands for: "app" in "IAM:app" and in "IAMA:app:readers".
func databaseUser(name string) (user string, err error) {
	prefix, rest, found := strings.Cut(name, ":")
	if !found || prefix != "IAM" && prefix != "IAMA" {
		return "", fmt.Errorf("login name %q lacks a prefix, IAM or IAMA", name)
	}
	user, _, _ = strings.Cut(rest, ":")
	return user, nil
}
