package awslease

import (
	"strings"
	"testing"
	"time"
)

// Whatever a secret holds, it is a login or an error that quotes nothing of it.
func FuzzStored(f *testing.F) {
	const password = "EXAMPLE-of-nobody-at-all"
	for _, seed := range []string{
		``, `{}`, `[]`, `{"engine": "redshift"}`, `{"engine": "mysql", "username": "u", "password": "%"}`, `{"username": "u", "password": "%"}`,
		`{"engine": "redshift", "username": "IAM:app", "password": "%", "host": "h", "port": "5439", "dbname": "d", "expiresAt": "2030-01-02T03:04:05Z"}`,
		`{"username": "u", "password": "%", "port": -1}`, `{"username": "u", "password": "%", "expiresAt": "2001-01-01T00:00:00Z"}`,
	} {
		f.Add(strings.ReplaceAll(seed, "%", password))
	}
	f.Fuzz(func(t *testing.T, value string) {
		l, err := stored(call{op: "read", subject: "secret x"}, value, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		switch {
		case err != nil && strings.Contains(value, password) && strings.Contains(err.Error(), password):
			t.Errorf("the error quotes the password: %v", err)
		case err == nil && (l.User == "" || l.Password.IsZero() || l.Port < 0 || l.Port > 65535):
			t.Errorf("no login: user %q, port %d", l.User, l.Port)
		}
	})
}
