package connector

import (
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
)

// An Option changes how a connector works, not where it connects: that is what properties say.
type Option func(*options)

type options struct {
	log   *slog.Logger
	mfa   func() (string, error)
	cache *lease.Cache
	load  loader
	read  bool
}

// leases are those of the process: connectors to the same warehouse as the same user share them.
var leases = lease.New(lease.Options{})

func newOptions(given []Option) options {
	o := options{log: slog.New(slog.DiscardHandler), cache: leases, load: loadAWS}
	for _, option := range given {
		option(&o)
	}
	return o
}

// patience is how long one attempt at something may take that asks AWS. A person has time to type a code.
func (o options) patience() time.Duration {
	if o.mfa == nil {
		return findTimeout
	}
	return findTimeout + askTimeout
}

// WithLogger takes what may surprise in the properties (level info), where each value came from and when which login was got (level
// debug). No secret is logged. nil takes nothing.
func WithLogger(log *slog.Logger) Option {
	return func(o *options) {
		if log != nil {
			o.log = log
		}
	}
}

// WithMFAToken answers for the device that a profile names with mfa_serial. ask is called when AWS credentials are got, which is
// once for each connector and as long as they last, not for each connection.
//
// Units: a connection waits two minutes longer for AWS where ask is given, so that a person can type the code; without it, and for what else
// AWS is asked, it is half a minute. The context of whoever connects may end before. An answer that comes later is for the next connection.
func WithMFAToken(ask func() (code string, err error)) Option {
	return func(o *options) { o.mfa = ask }
}

// WithCache keeps logins in another cache than the process's own, for example with another clock. nil is the process's own.
func WithCache(cache *lease.Cache) Option {
	return func(o *options) {
		if cache != nil {
			o.cache = cache
		}
	}
}

// ReadingAuthProfile lets [Explain] ask Redshift for the authentication profile that the properties name. It means nothing elsewhere.
func ReadingAuthProfile() Option { return func(o *options) { o.read = true } }
