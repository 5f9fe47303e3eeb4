package credentials_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// found is the answer to the question who the login is.
func found(user, super string) []pgproto3.BackendMessage {
	const name, boolean = 19, 16 // object identifiers of types
	return []pgproto3.BackendMessage{
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("usename"), DataTypeOID: name}, {Name: []byte("usesuper"), DataTypeOID: boolean}}},
		&pgproto3.DataRow{Values: [][]byte{[]byte(user), []byte(super)}},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")},
	}
}

func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(e *logintest.Endpoint)
		reason string // "" if the lease is proven
		kind   fault.Kind
	}{
		{"the user of the lease", func(e *logintest.Endpoint) { e.Answer = found("app", "f") }, "", ""},
		{"a superuser", func(e *logintest.Endpoint) { e.Answer = found("app", "t") }, credentials.Superuser, fault.Blocked},
		{"another user", func(e *logintest.Endpoint) { e.Answer = found("owner", "f") }, credentials.ContentMismatch, fault.Blocked},
		{"login refused", func(e *logintest.Endpoint) {
			e.Refuse = &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: `user "app" does not exist`}
		}, login.UserMissing, fault.Blocked},
		{"certificate of nobody", func(e *logintest.Endpoint) {
			e.TLS = logintest.NewAuthority("x").Issue("localhost", 1e12, 1e12)
		}, login.TLSUnknownCA, fault.Blocked},
		{"an answer without a user", func(e *logintest.Endpoint) {
			e.Answer = found("app", "f")[:1:1]
			e.Answer = append(e.Answer, found("", "")[2])
		}, login.Unreachable, fault.Retry},
		{"connection lost before the answer", func(e *logintest.Endpoint) { e.Answer = nil }, login.Unreachable, fault.Retry},
		{"question refused", func(e *logintest.Endpoint) {
			e.Answer = []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42501", Message: "permission denied"}}
		}, login.Unreachable, fault.Retry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := logintest.New()
			defer e.Close()
			tc.change(e)
			e.Serve()
			target := e.Target()
			err := credentials.LoginProber{Roots: target.Roots}.Probe(t.Context(), credentials.Content{
				Lease: credentials.Lease{User: target.User, Password: target.Password}, Host: target.Host, Port: target.Port, Database: target.Database, Cluster: "examplecluster",
			}, warehouse.Login{Database: target.Database, User: "app"})
			if tc.reason == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if fault.ReasonOf(err) != tc.reason || fault.KindOf(err) != tc.kind || strings.Contains(err.Error(), target.Password.Reveal()) {
				t.Errorf("Probe: %v; want %s, %s", err, tc.reason, tc.kind)
			}
		})
	}
}
