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

// WithLogger takes what may surprise in the properties (level info), and where each value came from (level debug). No
// secret is logged.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithMFAToken answers for the device that a profile names with mfa_serial. ask is called when AWS credentials are got, which is
// once for as long as they last, not for each connection.
func WithMFAToken(ask func() (code string, err error)) Option {
	return func(o *options) { o.mfa = ask }
}

// WithCache keeps logins in another cache than the process's own, for example with another clock.
func WithCache(cache *lease.Cache) Option { return func(o *options) { o.cache = cache } }

// prepareTimeout bounds what is found out before the first connection: it is not to hang where AWS does not answer.
const prepareTimeout = 30 * time.Second
