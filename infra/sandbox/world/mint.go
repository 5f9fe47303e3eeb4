package world

import (
	"slices"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

// A mint is an endpoint as Redshift's control plane sees it. What it issues is remembered.
type mint struct {
	*warehouse.Endpoint
	minted *minted
}

// Issue makes a login valid and remembers its password.
func (m mint) Issue(l warehouse.Login) {
	m.minted.add(l.Password)
	m.Endpoint.Issue(l)
}

// minted are the passwords of all logins of a world.
type minted struct {
	mu        sync.Mutex
	passwords []secret.Value
}

func (m *minted) add(password secret.Value) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.passwords = append(m.passwords, password)
}

func (m *minted) all() []secret.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.passwords)
}
