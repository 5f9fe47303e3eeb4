package warehouse

import "strings"

// A Cluster is what Redshift says of a provisioned cluster now.
type Cluster struct {
	ID     string
	Status string // ClusterStatus, for example "available" or "paused"
	Host   string // empty while it is being created
	Port   int
	Master string // the superuser that the cluster was made with
}

// Parked reports whether no login can succeed in this status, so that asking for one wastes a version of the secret.
// A cluster that resizes, or is being modified, still takes logins.
//
// Source: Amazon Redshift Management Guide, cluster status; that these refuse logins is inferred from their meaning.
func (c Cluster) Parked() bool {
	switch c.Status {
	case "paused", "pausing", "resuming", "creating", "deleting", "final-snapshot", "rebooting", "renaming", "hardware-failure":
		return true
	}
	return strings.HasPrefix(c.Status, "incompatible-") || c.Host == ""
}

// OnPurpose reports whether a parked cluster is so because somebody wanted it, and comes back when they want it: it
// is no fault that logins run out meanwhile.
func (c Cluster) OnPurpose() bool {
	switch c.Status {
	case "paused", "pausing", "resuming", "rebooting", "renaming", "creating":
		return true
	}
	return false
}
