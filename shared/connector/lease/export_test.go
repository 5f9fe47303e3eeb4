package lease

import "time"

const (
	MaxKeys     = maxKeys
	MintTimeout = mintTimeout
	FirstRest   = firstRest
	LastRest    = lastRest
	RenewAfter  = renewAfter
	LostAfter   = mintTimeout + lostAfter
)

var ErrEnded = errEnded

// Split gives c a wall clock and a monotonic one that need not agree.
func (c *Cache) Split(wall func() time.Time, monotonic func() time.Duration) {
	c.read = func() instant { return instant{wall(), monotonic()} }
}

// Len is how many keys c knows.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
