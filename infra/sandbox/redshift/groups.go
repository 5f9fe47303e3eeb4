package redshift

import (
	"fmt"
	"slices"
)

// SecurityGroups lists the ids of the security groups of a cluster: who it is on the network. A cluster that does not
// exist has none.
func (s *Service) SecurityGroups(cluster string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[cluster]; c != nil {
		return slices.Clone(c.SecurityGroups)
	}
	return nil
}

// SetSecurityGroups replaces the security groups of a cluster at once, as ModifyCluster would in a while.
func (s *Service) SetSecurityGroups(cluster string, groups ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[cluster]
	if c == nil {
		return fmt.Errorf("set security groups of cluster %s: %w", cluster, ErrClusterNotFound)
	}
	c.SecurityGroups = slices.Clone(groups)
	return nil
}

// Routing is the VPC of a cluster, and whether enhanced VPC routing makes it the only way out. A cluster that does not exist
// has none.
func (s *Service) Routing(cluster string) (vpc string, enhanced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clusters[cluster]; c != nil {
		return c.VPC, c.EnhancedRouting
	}
	return "", false
}

// SetEnhancedRouting turns enhanced VPC routing of a cluster on or off at once, as ModifyCluster would in a while.
func (s *Service) SetEnhancedRouting(cluster string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clusters[cluster]
	if c == nil {
		return fmt.Errorf("set enhanced routing of cluster %s: %w", cluster, ErrClusterNotFound)
	}
	c.EnhancedRouting = on
	return nil
}
