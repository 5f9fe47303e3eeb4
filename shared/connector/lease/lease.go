// Package lease keeps temporary logins to warehouses fresh: it asks for the next one before the last ends, once for all who
// want the same, and for none while one is good.
package lease

import (
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/shared/secret"
)

// A Lease is one temporary login.
type Lease struct {
	User     string // exactly as the service returned it, with its prefix
	Password secret.Value
	Expires  time.Time // by the clock of the service; the zero time is no end that is known

	// Asked is what the service's clock said when it answered; the zero time is that it did not say, and the clock of this
	// machine counts.
	Asked time.Time

	// Where the login is for, if whoever gave it says so, as a consumer's secret does.
	Host     string
	Port     int
	Database string
}

// A Key says of two wishes for a login whether they are the same. It holds everything that makes a difference and no secret.
type Key struct {
	API, Region, Endpoint, StsEndpoint string
	Cluster, Workgroup, CustomDomain   string
	Secret                             string // ARN or name of a consumer's secret
	Database, User, Groups             string // groups in their order, with commas
	AutoCreate                         bool
	Duration                           time.Duration
	Identity                           string // who asks: a fingerprint of where the AWS credentials come from
}

// LogValue is what k says, without what it leaves open.
func (k Key) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, part := range []struct{ name, value string }{
		{"api", k.API}, {"region", k.Region}, {"endpoint", k.Endpoint}, {"stsEndpoint", k.StsEndpoint},
		{"cluster", k.Cluster}, {"workgroup", k.Workgroup}, {"customDomain", k.CustomDomain}, {"secret", k.Secret},
		{"database", k.Database}, {"user", k.User}, {"groups", k.Groups}, {"identity", k.Identity},
	} {
		if part.value != "" {
			attrs = append(attrs, slog.String(part.name, part.value))
		}
	}
	if k.AutoCreate {
		attrs = append(attrs, slog.Bool("autoCreate", true))
	}
	if k.Duration != 0 {
		attrs = append(attrs, slog.Duration("duration", k.Duration))
	}
	return slog.GroupValue(attrs...)
}
