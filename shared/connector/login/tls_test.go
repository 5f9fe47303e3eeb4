package login_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/fault"
)

const hour = time.Hour

// Whoever cannot prove to be the warehouse gets no password, with the name checked (verify-full) and without (verify-ca).
func TestTLS(t *testing.T) {
	const let = "" // the login succeeds
	for _, tc := range []struct {
		name       string
		change     func(e *logintest.Endpoint, target *login.Target)
		full       string // reason with verify-full
		authority  string // reason with verify-ca
		says       string
		serverName string // that the server is asked for; empty: the host
	}{
		{"a certificate for the host", func(*logintest.Endpoint, *login.Target) {}, let, let, "", ""},
		{"for the expected name, which is not the host's", func(e *logintest.Endpoint, target *login.Target) {
			e.TLS, target.ServerName = e.Authority().Issue("warehouse.example.com", hour, hour), "warehouse.example.com"
		}, let, let, "", "warehouse.example.com"},
		{"for the host, where another name is expected", func(_ *logintest.Endpoint, target *login.Target) { target.ServerName = "warehouse.example.com" },
			login.TLSWrongName, let, "warehouse.example.com", "warehouse.example.com"},
		{"for another name", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Issue("other.example.com", hour, hour)
		},
			login.TLSWrongName, let, "other.example.com", ""},
		{"of an authority below a trusted one", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Under("below").Under("further below").Issue("localhost", hour, hour)
		}, let, let, "", ""},
		{"of an authority below a trusted one, which the server does not show", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Under("below").Issue("localhost", hour, hour)
			e.TLS.Certificates[0].Certificate = e.TLS.Certificates[0].Certificate[:1]
		}, login.TLSUnknownCA, login.TLSUnknownCA, "unknown authority", ""},
		{"of an unknown authority", func(_ *logintest.Endpoint, target *login.Target) {
			target.Roots = logintest.NewAuthority("another").Pool()
		},
			login.TLSUnknownCA, login.TLSUnknownCA, "unknown authority", ""},
		{"of an authority that nobody knows, and the system's trust", func(_ *logintest.Endpoint, target *login.Target) { target.Roots = nil },
			login.TLSUnknownCA, login.TLSUnknownCA, "unknown authority", ""},
		{"of no authority at all", func(_ *logintest.Endpoint, target *login.Target) { target.Roots = x509.NewCertPool() },
			login.TLSUnknownCA, login.TLSUnknownCA, "unknown authority", ""},
		{"expired", func(e *logintest.Endpoint, _ *login.Target) { e.TLS = e.Authority().Issue("localhost", 2*hour, -hour) },
			login.TLSExpired, login.TLSExpired, "expired", ""},
		{"not yet valid", func(e *logintest.Endpoint, _ *login.Target) { e.TLS = e.Authority().Issue("localhost", -hour, 2*hour) },
			login.TLSExpired, login.TLSExpired, "not yet valid", ""},
		{"for clients", func(e *logintest.Endpoint, _ *login.Target) {
			e.TLS = e.Authority().Issue("localhost", hour, hour, x509.ExtKeyUsageClientAuth)
		}, login.TLSBadCertificate, login.TLSBadCertificate, "incompatible key usage; replace the certificate", ""},
	} {
		for _, authorityOnly := range []bool{false, true} {
			name, reason := tc.name+"/verify-full", tc.full
			if authorityOnly {
				name, reason = tc.name+"/verify-ca", tc.authority
			}
			t.Run(name, func(t *testing.T) {
				e := endpoint(t)
				target := e.Target()
				target.AuthorityOnly = authorityOnly
				tc.change(e, &target)
				e.Serve()
				if reason == let {
					succeeds(t, target)
				} else {
					fails(t, t.Context(), target, fault.Blocked, reason, tc.says)
				}
				if sent := len(e.Logins()) > 0; sent != (reason == let) {
					t.Errorf("the password was sent: %t", sent)
				}
				want := tc.serverName
				if want == "" {
					want = "localhost"
				}
				if asked := e.ServerNames(); !slices.Contains(asked, want) || slices.ContainsFunc(asked, func(n string) bool { return n != want }) {
					t.Errorf("the server was asked for the certificates of %q, want %s", asked, want)
				}
			})
		}
	}
}

// A server that speaks no TLS, or none that is safe, gets no password in either mode.
func TestNoTLS(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(e *logintest.Endpoint)
		reason string
		says   string
	}{
		{"says no", func(e *logintest.Endpoint) { e.TLS = nil }, login.TLSRefused, "a login is never sent without it"},
		{"answers the request with something else", func(e *logintest.Endpoint) { e.Talk = answers("HTTP/1.1 400 Bad Request\r\n\r\n") },
			login.TLSRefused, "does not speak TLS"},
		{"says yes and goes on with something else", func(e *logintest.Endpoint) { e.Talk = answers("SHTTP/1.1 400 Bad Request\r\n\r\n") },
			login.TLSRefused, "does not speak TLS"},
		{"speaks TLS 1.1 at most", func(e *logintest.Endpoint) { e.TLS.MinVersion, e.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
			login.TLSFailed, "protocol version"},
	} {
		for _, authorityOnly := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				e := endpoint(t)
				tc.change(e)
				e.Serve()
				target := e.Target()
				target.AuthorityOnly = authorityOnly
				fails(t, t.Context(), target, fault.Blocked, tc.reason, tc.says)
				if len(e.Logins()) > 0 {
					t.Error("the password was sent")
				}
			})
		}
	}
}

// A session that is resumed is verified like a new one: who is not trusted any more does not get in with an old ticket.
func TestResumedSessionIsVerified(t *testing.T) {
	e := endpoint(t)
	e.TLS.SetSessionTicketKeys([][32]byte{{1}}) // the same for all connections
	e.Serve()
	cache := tls.NewLRUClientSessionCache(1)
	connect := func(roots *x509.CertPool) (resumed bool, err error) {
		target := e.Target()
		target.AuthorityOnly, target.Roots = true, roots
		config, err := login.Config(target)
		if err != nil {
			t.Fatal(err)
		}
		if config.TLSConfig.ClientSessionCache != nil {
			t.Error("sessions are resumed without need")
		}
		verify := config.TLSConfig.VerifyConnection
		config.TLSConfig.ClientSessionCache = cache
		config.TLSConfig.VerifyConnection = func(s tls.ConnectionState) error { resumed = s.DidResume; return verify(s) }
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			_ = conn.Close(t.Context())
		}
		return resumed, err
	}
	trusted := e.Target().Roots
	for _, tc := range []struct {
		roots       *x509.CertPool
		resumes, in bool
	}{{trusted, false, true}, {trusted, true, true}, {logintest.NewAuthority("another").Pool(), true, false}} {
		if resumed, err := connect(tc.roots); resumed != tc.resumes || (err == nil) != tc.in {
			t.Errorf("resumed: %t, %v; want %t, in: %t", resumed, err, tc.resumes, tc.in)
		}
	}
}

// There is one way to the warehouse and none beside it.
func TestNoFallback(t *testing.T) {
	for name, value := range map[string]string{"PGSSLMODE": "prefer", "PGHOST": "one.example.com,two.example.com", "PGPORT": "5432,5433"} {
		t.Setenv(name, value)
	}
	for _, authorityOnly := range []bool{false, true} {
		target := endpoint(t).Target()
		target.AuthorityOnly = authorityOnly
		config, err := login.Config(target)
		if err != nil {
			t.Fatal(err)
		}
		if len(config.Fallbacks) > 0 || config.TLSConfig == nil || config.TLSConfig.MinVersion != tls.VersionTLS12 || config.Host != "localhost" {
			t.Errorf("%d ways beside %s, TLS %v", len(config.Fallbacks), config.Host, config.TLSConfig)
		}
		if unchecked := config.TLSConfig.InsecureSkipVerify && config.TLSConfig.VerifyConnection == nil; unchecked || config.TLSConfig.InsecureSkipVerify != authorityOnly {
			t.Error("the certificate is not verified")
		}
	}
}

// answers takes the request for TLS, answers it with text, and hears what comes of it.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) {
		readSome(c)
		_, _ = c.Write([]byte(text))
		readSome(c)
	}
}
