package connected_test

import (
	"errors"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// What the warehouse says of a login comes as what it means, after one try.
func TestRefusalsOfTheWarehouse(t *testing.T) {
	s := begin(t)
	all := []error{connector.ErrExpired, connector.ErrUserMissing, connector.ErrPlaintextRefused, connector.ErrWrongCertificate, connector.ErrUnreachable,
		connector.ErrWrongPassword, connector.ErrGroupMissing, connector.ErrDatabaseMissing, connector.ErrBusy}
	for _, tc := range []struct {
		name string
		more map[string]string
		is   error
		kind fault.Kind
		says []string
	}{
		{"user", map[string]string{"DbUser": "nobody_here"}, connector.ErrUserMissing, fault.Blocked, []string{"nobody_here", "create the user"}},
		{"group", map[string]string{"DbGroups": "no_such_group"}, connector.ErrGroupMissing, fault.Blocked, []string{"no_such_group", "create the group"}},
		{"database", map[string]string{"Database": "nowhere"}, connector.ErrDatabaseMissing, fault.Blocked, []string{"nowhere", "name a database"}},
		{"port", map[string]string{"Port": "1"}, connector.ErrUnreachable, fault.Retry, []string{"localhost:1", "check that the warehouse runs"}},
		{"host", map[string]string{"Server": "gone.invalid"}, connector.ErrUnreachable, fault.Retry, []string{"gone.invalid", "check the host's name"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.newCache()
			gate, before := s.gate(s.Warehouse.Port(), 1), s.last()
			user, err := s.whoami(s.cluster(s.operatorKey(), map[string]string{"Port": gate.port()}, tc.more))
			for _, is := range all {
				if errors.Is(err, is) != (is == tc.is) {
					t.Errorf("logged in as %q, %v; errors.Is(err, %q) = %v", user, err, is, is != tc.is)
				}
			}
			if fault.KindOf(err) != tc.kind {
				t.Errorf("the fault is %s; want %s", fault.KindOf(err), tc.kind)
			}
			s.says(err, tc.says...)
			if n, mints := gate.came.Load(), s.count(before, "GetClusterCredentials"); n > 1 || mints != 1 {
				t.Errorf("%d connections were tried with %d logins", n, mints)
			}
		})
	}
}

// A full warehouse is busy, and that passes.
func TestFullWarehouse(t *testing.T) {
	s := begin(t)
	db, err := s.open(s.workgroup(s.operatorKey()))
	if err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := db.Conn(t.Context())
		if err == nil {
			defer conn.Close()
			continue
		}
		if !errors.Is(book.heard(err), connector.ErrBusy) || fault.KindOf(err) != fault.Retry || db.Stats().OpenConnections < 10 {
			t.Errorf("with %d connections: %v; want ErrBusy", db.Stats().OpenConnections, err)
		}
		return
	}
}

// A password that the warehouse does not know is read from a secret once more: it may just have been replaced.
func TestWrongPassword(t *testing.T) {
	s := begin(t)
	good := s.lease()
	bad := good
	bad.Password = secret.New("hush-hush-this-is-wrong")
	book.hide(bad.Password.Reveal())
	name := s.consumer(bad)
	p := properties(map[string]string{"SecretID": name, "Region": "us-east-1", "CaFile": s.authority()}, s.operatorKey())
	before := s.last()
	if user, err := s.whoami(p); !errors.Is(err, connector.ErrWrongPassword) {
		t.Errorf("logged in as %q, %v; want ErrWrongPassword", user, err)
	}
	if n := s.count(before, "GetSecretValue"); n != 2 {
		t.Errorf("the secret was read %d times; want twice", n)
	}
	s.put(name, good)
	s.newCache() // the refusals rest for a moment in the old one
	s.is(world.User, p)
}
