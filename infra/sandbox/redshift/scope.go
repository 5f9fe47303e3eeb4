package redshift

import (
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// The life of a login, in seconds.
// Source: Amazon Redshift API Reference, GetClusterCredentials and GetClusterCredentialsWithIAM (DurationSeconds).
const (
	minDuration = 900
	maxDuration = 3600
)

// A scope is what every request for a login says: what it shall open, and for how long.
type scope struct {
	ClusterIdentifier string
	CustomDomainName  string
	DbName            *string
	DurationSeconds   *int
}

// validate reports the first member that the API does not take. It comes before every question to the policies.
func (in *scope) validate() error {
	if in.ClusterIdentifier == "" && in.CustomDomainName == "" {
		return invalid("ClusterIdentifier or CustomDomainName is required")
	}
	if in.DbName != nil {
		if problem := warehouse.BadName(*in.DbName, warehouse.BothCases); problem != "" {
			return invalid("DbName %q %s", *in.DbName, problem)
		}
	}
	if d := in.duration(); d < minDuration || d > maxDuration {
		return invalid("DurationSeconds is %d; it must be between %d and %d", d, minDuration, maxDuration)
	}
	return nil
}

func (in *scope) duration() int {
	if in.DurationSeconds == nil {
		return minDuration
	}
	return *in.DurationSeconds
}

// expires is the end of a login that is made now, rounded to what the answer can say, so that no login outlives it.
func (in *scope) expires(now time.Time) time.Time {
	return now.Add(time.Duration(in.duration()) * time.Second).Truncate(time.Millisecond)
}

// keys are the condition keys of the request.
// Source: Service Authorization Reference, Amazon Redshift (GetClusterCredentials, GetClusterCredentialsWithIAM).
func (in *scope) keys() map[string][]string {
	keys := map[string][]string{"redshift:DurationSeconds": {strconv.Itoa(in.duration())}}
	if in.DbName != nil {
		keys["redshift:DbName"] = []string{*in.DbName}
	}
	return keys
}
