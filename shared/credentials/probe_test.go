package credentials_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/connectortest"
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
		change func(e *connectortest.Endpoint)
		reason string // "" if the lease is proven
		kind   fault.Kind
	}{
		{"the user of the lease", func(e *connectortest.Endpoint) { e.Answer = found("app", "f") }, "", ""},
		{"a superuser", func(e *connectortest.Endpoint) { e.Answer = found("app", "t") }, credentials.Superuser, fault.Blocked},
		{"another user", func(e *connectortest.Endpoint) { e.Answer = found("owner", "f") }, credentials.ContentMismatch, fault.Blocked},
		{"login refused", func(e *connectortest.Endpoint) {
			e.Refuse = &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: `user "app" does not exist`}
		}, connector.UserMissing, fault.Blocked},
		{"certificate of nobody", func(e *connectortest.Endpoint) {
			e.TLS = connectortest.NewAuthority("x").Issue("localhost", 1e12, 1e12)
		}, connector.TLSUnknownCA, fault.Blocked},
		{"an answer without a user", func(e *connectortest.Endpoint) {
			e.Answer = found("app", "f")[:1:1]
			e.Answer = append(e.Answer, found("", "")[2])
		}, connector.Unreachable, fault.Retry},
		{"connection lost before the answer", func(e *connectortest.Endpoint) { e.Answer = nil }, connector.Unreachable, fault.Retry},
		{"question refused", func(e *connectortest.Endpoint) {
			e.Answer = []pgproto3.BackendMessage{&pgproto3.ErrorResponse{Severity: "ERROR", Code: "42501", Message: "permission denied"}}
		}, connector.Unreachable, fault.Retry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := connectortest.New()
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
