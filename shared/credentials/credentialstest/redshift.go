package credentialstest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Redshift plays one cluster and the logins to it. It mints for users and groups that do not exist, as Redshift does;
// they are found at login. It implements [credentials.Minter], [credentials.Clusters] and [credentials.Prober].
type Redshift struct {
	script
	Clusters map[string]warehouse.Cluster
	Users    map[string]bool   // whether each is a superuser
	Groups   []string          // that exist
	Short    time.Duration     // taken from the life of each lease
	Renamed  map[string]string // users who find themselves as another after login

	clock  *Clock
	minted map[string]credentials.Lease // by password
}

func newRedshift(clock *Clock) *Redshift {
	return &Redshift{
		script: newScript(), clock: clock, minted: make(map[string]credentials.Lease), Groups: []string{"readers"},
		Users: map[string]bool{"app": false, "admin": true},
		Clusters: map[string]warehouse.Cluster{
			"examplecluster": {ID: "examplecluster", Status: "available", Host: "examplecluster.example.com", Port: 5439, Master: "admin"},
		},
	}
}

// Passwords are those of all leases that were minted.
func (r *Redshift) Passwords() (all []string) {
	for password := range r.minted {
		all = append(all, password)
	}
	return all
}

// SetStatus changes the status of a cluster.
func (r *Redshift) SetStatus(id, status string) {
	c := r.Clusters[id]
	c.Status = status
	r.Clusters[id] = c
}

// Works reports whether c logs in now.
func (r *Redshift) Works(c credentials.Content) bool {
	lease, ok := r.minted[c.Password.Reveal()]
	return ok && lease.User == c.User && r.clock.now.Before(lease.ExpiresAt)
}

// Cluster implements [credentials.Minter] and [credentials.Clusters].
func (r *Redshift) Cluster(ctx context.Context, id string) (c warehouse.Cluster, err error) {
	err = r.do(ctx, "Cluster", func() error {
		var ok bool
		if c, ok = r.Clusters[id]; !ok {
			return refuse(fault.Blocked, credentials.ClusterMissing, "describe cluster", id)
		}
		return nil
	})
	return c, err
}

// Mint implements [credentials.Minter].
func (r *Redshift) Mint(ctx context.Context, cluster string, l warehouse.Login, lifetime time.Duration) (lease credentials.Lease, err error) {
	err = r.do(ctx, "Mint", func() error {
		user := "IAM:" + l.User
		if l.AutoCreate {
			user = strings.Join(append([]string{"IAMA", l.User}, l.Groups...), ":")
		}
		password := fmt.Sprintf("minted-password-%04d", len(r.minted)+1)
		lease = credentials.Lease{User: user, Password: secret.New(password), IssuedAt: r.clock.now, ExpiresAt: r.clock.now.Add(lifetime - r.Short)}
		r.minted[password] = lease
		return nil
	})
	return lease, err
}

// Probe implements [credentials.Prober].
func (r *Redshift) Probe(ctx context.Context, c credentials.Content, l warehouse.Login) error {
	return r.do(ctx, "Probe", func() error {
		no := func(kind fault.Kind, reason string) error { return refuse(kind, reason, "log in", "user "+c.User) }
		lease, ok := r.minted[c.Password.Reveal()]
		super, exists := r.Users[l.User]
		switch {
		case !ok || lease.User != c.User:
			return no(fault.Blocked, login.WrongPassword)
		case !r.clock.now.Before(lease.ExpiresAt):
			return no(fault.Retry, login.LoginExpired)
		case !exists && !l.AutoCreate:
			return no(fault.Blocked, login.UserMissing)
		case slices.ContainsFunc(l.Groups, func(g string) bool { return !slices.Contains(r.Groups, g) }):
			return no(fault.Blocked, login.GroupMissing)
		case super:
			return no(fault.Blocked, credentials.Superuser)
		case r.Renamed[l.User] != "":
			return no(fault.Blocked, credentials.ContentMismatch)
		}
		return nil
	})
}
