package lease_test

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/secret"
)

func keyOf(user string) lease.Key { return lease.Key{Cluster: "sales", User: user} }

// ask has each user get a lease.
func ask(t *testing.T, c *lease.Cache, s *service, users ...string) {
	t.Helper()
	for _, user := range users {
		if _, err := c.Get(t.Context(), keyOf(user), s.mint); err != nil {
			t.Fatalf("Get for %s: %v", user, err)
		}
	}
}

// fill has so many different users get a lease.
func fill(t *testing.T, c *lease.Cache, s *service, n int) {
	t.Helper()
	for i := range n {
		ask(t, c, s, fmt.Sprint("filler", s.count(), i))
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Run("least recently used go first", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		ask(t, c, s, "old", "used")
		fill(t, c, s, lease.MaxKeys-2)
		ask(t, c, s, "used", "new")
		if got := c.Len(); got != lease.MaxKeys {
			t.Errorf("%d keys; want %d", got, lease.MaxKeys)
		}
		n := s.count()
		if ask(t, c, s, "used", "new"); s.count() != n {
			t.Error("a lease that was used of late is gone")
		}
		if ask(t, c, s, "old"); s.count() != n+1 {
			t.Error("the lease that was not used for the longest is still there")
		}
	}))
	t.Run("dead ones before living ones", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		ask(t, c, s, "living")
		s.life = 2 * time.Minute
		ask(t, c, s, "dead")
		s.life = time.Hour
		fill(t, c, s, lease.MaxKeys-2)
		time.Sleep(3 * time.Minute)
		n := s.count()
		if ask(t, c, s, "new", "living"); s.count() != n+1 || c.Len() != lease.MaxKeys {
			t.Error("a living lease went before a dead one")
		}
	}))
	t.Run("not while they are minted", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour, takes: 10 * time.Second}
		for i := range lease.MaxKeys + 5 {
			go func() { _, _ = c.Get(t.Context(), keyOf(fmt.Sprint("many", i)), s.mint) }()
		}
		synctest.Wait()
		if got := c.Len(); got != lease.MaxKeys+5 {
			t.Errorf("%d keys while all are minted; want %d", got, lease.MaxKeys+5)
		}
		time.Sleep(s.takes)
		synctest.Wait()
		if got := c.Len(); got != lease.MaxKeys {
			t.Errorf("%d keys; want %d", got, lease.MaxKeys)
		}
	}))
}

// TestEachFieldOfAKeyCounts keeps regions, ways of asking and identities apart.
func TestEachFieldOfAKeyCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		password(t, c, s)
		for field := range reflect.TypeFor[lease.Key]().Fields() {
			k := key
			v := reflect.ValueOf(&k).Elem().FieldByIndex(field.Index)
			switch v.Kind() {
			case reflect.String:
				v.SetString("another")
			case reflect.Bool:
				v.SetBool(true)
			default:
				v.SetInt(1)
			}
			n := s.count()
			for range 2 {
				if _, err := c.Get(t.Context(), k, s.mint); err != nil || s.count() != n+1 {
					t.Errorf("with another %s: %v after %d mints; want one of its own", field.Name, err, s.count()-n)
				}
			}
		}
	})
}

func TestDrop(t *testing.T) {
	t.Run("the next is another", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		l, _ := c.Get(t.Context(), key, s.mint)
		c.Drop(key, l, wrong)
		if got := password(t, c, s); got != "2" {
			t.Errorf("lease %s; want 2", got)
		}
		c.Drop(key, l, wrong)
		if got := password(t, c, s); got != "2" || s.count() != 2 {
			t.Errorf("lease %s after %d mints; want the newer one to stay", got, s.count())
		}
	}))
	t.Run("joins the refresh that is under way", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		l, _ := c.Get(t.Context(), key, s.mint)
		s.takes = time.Second
		time.Sleep(55 * time.Minute)
		password(t, c, s)
		c.Drop(key, l, wrong)
		if got := password(t, c, s); got != "2" || s.count() != 2 {
			t.Errorf("lease %s after %d mints; want 2 after 2", got, s.count())
		}
	}))
	t.Run("a refused lease does not come back when the refresh fails", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: time.Hour}
		l, _ := c.Get(t.Context(), key, s.mint)
		s.takes, s.fails = time.Second, denied
		time.Sleep(55 * time.Minute)
		password(t, c, s)
		c.Drop(key, l, wrong)
		if _, err := c.Get(t.Context(), key, s.mint); err == nil {
			t.Error("Get gave a refused lease")
		}
	}))
	t.Run("a short lease that came after a failure", inBubble(func(t *testing.T) {
		c, s := half(), &service{life: 20 * time.Second, fails: denied}
		_, _ = c.Get(t.Context(), key, s.mint)
		time.Sleep(lease.FirstRest)
		s.fails = nil
		l, _ := c.Get(t.Context(), key, s.mint)
		c.Drop(key, l, wrong)
		if got := password(t, c, s); got != "3" {
			t.Errorf("lease %q; want 3", got)
		}
	}))
	for name, change := range map[string]func(*lease.Lease){
		"another password": func(l *lease.Lease) { l.Password = secret.New("x") },
		"another user":     func(l *lease.Lease) { l.User = "x" },
		"another end":      func(l *lease.Lease) { l.Expires = l.Expires.Add(1) },
	} {
		t.Run(name+" stays", inBubble(func(t *testing.T) {
			c, s := half(), &service{life: time.Hour}
			l, _ := c.Get(t.Context(), key, s.mint)
			change(&l)
			c.Drop(key, l, wrong)
			if got := password(t, c, s); got != "1" {
				t.Errorf("lease %s; want 1", got)
			}
		}))
	}
	t.Run("an unknown key is nothing", func(t *testing.T) {
		c := half()
		c.Drop(key, lease.Lease{}, wrong)
		if c.Len() != 0 {
			t.Error("Drop made an entry")
		}
	})
}
