package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
)

// endpoint is a warehouse at 127.0.0.1 with one row, and the properties of a login to it with a password, which takes no AWS.
func endpoint(t *testing.T) (*logintest.Endpoint, string) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	e := logintest.New()
	t.Cleanup(e.Close)
	e.TLS = web.TLS
	e.Answer = []pgproto3.BackendMessage{
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("venueid"), DataTypeOID: 23}, {Name: []byte("venuename"), DataTypeOID: 25}, {Name: []byte("note"), DataTypeOID: 25}, {Name: []byte("remark"), DataTypeOID: 25}}},
		&pgproto3.DataRow{Values: [][]byte{[]byte("2"), []byte("Canal Stage"), nil, {}}},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")},
	}
	to := e.Target()
	return e, fmt.Sprintf("Server=127.0.0.1;Port=%d;Database=%s;UID=%s;PWD={%s};CaFile=%s", to.Port, to.Database, to.User, to.Password.Reveal(), file)
}

func TestRowsAreShown(t *testing.T) {
	e, properties := endpoint(t)
	e.Serve()
	var out, log bytes.Buffer
	const query = "SELECT venueid, venuename, note FROM venue"
	if err := run(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), &out, properties+";Driver=any", query); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "2\tCanal Stage\t-\t\n"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
	if asked := e.Queries(); len(asked) != 1 || asked[0].SQL != query {
		t.Errorf("the warehouse was asked %v", asked)
	}
	if said := log.String(); !strings.Contains(said, "property Driver is ignored") || strings.Contains(said, "horse") {
		t.Errorf("it logged %q; want a notice of the ignored property, and no password", said)
	}
}

func TestAdvice(t *testing.T) {
	for _, tc := range []struct {
		name   string
		refuse *pgproto3.ErrorResponse
		more   string // properties
		is     error
		begins string
	}{
		{"busy", &pgproto3.ErrorResponse{Severity: "FATAL", Code: "53300", Message: "too many clients"}, "", connector.ErrBusy, "try again later: log in for user IAM:app"},
		{"no such user", &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: `user "app" does not exist`}, "", connector.ErrUserMissing, "ask who runs the warehouse: log in"},
		{"wrong password", &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "IAM:app"`}, "", connector.ErrWrongPassword, "log in for user IAM:app"},
		{"wrong properties", nil, ";SSLMode=disable;Sever=other", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, properties := endpoint(t)
			e.Refuse = tc.refuse
			e.Serve()
			var out bytes.Buffer
			err := run(t.Context(), slog.New(slog.DiscardHandler), &out, properties+tc.more, "SELECT 1")
			if err == nil || out.Len() > 0 {
				t.Fatalf("run() = %v, having printed %q", err, &out)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("the error is %v, which is not %v", err, tc.is)
			}
			if got := advice(err); !strings.HasPrefix(got, tc.begins) || strings.Contains(got, "horse") {
				t.Errorf("advice() = %q, want it to begin with %q, without the password", got, tc.begins)
			}
			if len(e.Logins()) > 0 && tc.is == nil {
				t.Error("it logged in, with properties that are wrong")
			}
		})
	}
}
