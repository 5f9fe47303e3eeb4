package main

import (
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/redshift"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// waits are what a first provisioning cannot go round: the time to Ready is measured against their sum.
var waits = []struct {
	what string
	time time.Duration
}{
	{"a new role is seen by others", world.IAMDelay},
	{"the cluster attaches a role", redshift.RoleAddTime},
}

// unavoidable is the sum of all waits.
func unavoidable() (sum time.Duration) {
	for _, w := range waits {
		sum += w.time
	}
	return sum
}
