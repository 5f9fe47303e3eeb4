package world

import (
	"slices"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

// A mint is the warehouse's endpoint as Redshift's control plane sees it. It remembers the passwords of the logins that
// are issued.
type mint struct {
	*warehouse.Endpoint

	mu        sync.Mutex
	passwords []secret.Value
}

// Issue makes a login valid and remembers its password.
func (m *mint) Issue(l warehouse.Login) {
	m.mu.Lock()
	m.passwords = append(m.passwords, l.Password)
	m.mu.Unlock()
	m.Endpoint.Issue(l)
}

func (m *mint) all() []secret.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.passwords)
}
