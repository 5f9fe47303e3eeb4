package redshift

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// The states that the service goes through by itself. [Service.SetStatus] knows more.
const (
	available = "available"
	pausing   = "pausing"
	paused    = "paused"
	resuming  = "resuming"
)

// pauseTime is how long pausing and resuming take. AWS speaks of minutes.
const pauseTime = 5 * time.Minute

// working are the states, besides available and its variants, in which sessions and logins go on.
// Source: Amazon Redshift API Reference, Cluster (ClusterStatus); which of them take logins is our reading.
var working = []string{"cancelling-resize", "modifying", "renaming", "resizing", "rotating-keys", "storage-full", "updating-hsm"}

// idle are the states without sessions and logins.
var idle = []string{"creating", "deleting", "final-snapshot", "hardware-failure", "incompatible-hsm", "incompatible-network",
	"incompatible-parameters", "incompatible-restore", paused, pausing, "rebooting", resuming}

func takesLogins(status string) bool {
	return strings.HasPrefix(status, available) || slices.Contains(working, status)
}

// availability is the ClusterAvailabilityStatus.
func (c *cluster) availability() string {
	if c.maintenance {
		return "Maintenance"
	}
	return availability(c.status)
}

// availability is the ClusterAvailabilityStatus that goes with a ClusterStatus.
func availability(status string) string {
	switch {
	case strings.HasPrefix(status, available), status == "storage-full":
		return "Available"
	case slices.Contains(working, status), slices.Contains([]string{"creating", pausing, resuming, "rebooting"}, status):
		return "Modifying"
	case strings.HasPrefix(status, "incompatible-"), status == "hardware-failure":
		return "Failed"
	}
	return "Unavailable"
}

// SetStatus puts a cluster into a state at once, its endpoint too. A change that is under way is forgotten.
// A state that Redshift does not have is an error.
func (s *Service) SetStatus(identifier, status string) error {
	if status != available && status != "available, prep-for-resize" && status != "available, resize-cleanup" &&
		!slices.Contains(working, status) && !slices.Contains(idle, status) {
		return fmt.Errorf("set status of cluster %s: Redshift has no status %q", identifier, status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[identifier]
	if c == nil {
		return fmt.Errorf("set status of cluster %s: %w", identifier, ErrClusterNotFound)
	}
	c.become(status)
	return nil
}

// SetMaintenance begins or ends the maintenance of a cluster. Its status stays as it is, and it takes logins: what it does not
// take, AWS does not say.
func (s *Service) SetMaintenance(identifier string, begins bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[identifier]
	if c == nil {
		return fmt.Errorf("set maintenance of cluster %s: %w", identifier, ErrClusterNotFound)
	}
	c.maintenance = begins
	return nil
}

func (c *cluster) become(status string) {
	c.status = status
	c.changes++
	if takesLogins(status) {
		c.Endpoint.Resume()
	} else {
		c.Endpoint.Pause()
	}
}

func (s *Service) pauseCluster(_ context.Context, call *awshttp.Call) (any, error) {
	return s.change(call, available, pausing, paused)
}

func (s *Service) resumeCluster(_ context.Context, call *awshttp.Call) (any, error) {
	return s.change(call, paused, resuming, available)
}

// change takes a cluster from one state over another, in which it stays for a while, to the last.
func (s *Service) change(call *awshttp.Call, from, over, to string) (any, error) {
	var in struct {
		ClusterIdentifier string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	access := awshttp.Access{Action: "redshift:" + call.Operation, Resource: arn(call.Region, "cluster", in.ClusterIdentifier)}
	if err := call.Authorize(access); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(in.ClusterIdentifier)
	if err != nil {
		return nil, err
	}
	if c.status != from {
		return nil, c.wrongState()
	}
	if c.changesRoles() {
		return nil, concurrentChange()
	}
	c.become(over)
	change := c.changes
	s.clock.At(s.clock.Now().Add(pauseTime), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.changes == change { // and not overtaken by SetStatus
			c.become(to)
		}
	})
	return struct{ Cluster description }{c.describe(call.Region)}, nil
}

// wrongState is what operations say that a cluster cannot do now. The text is reported for busy and for paused
// clusters alike; only the status tells them apart.
func (c *cluster) wrongState() error {
	return &awshttp.Error{Code: "InvalidClusterState", Message: "There is an operation running on the Cluster. Please try again at a later time. Cluster " + c.Identifier + " is " + c.status + "."}
}
