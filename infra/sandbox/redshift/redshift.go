// Package redshift plays the control plane of Amazon Redshift: provisioned clusters, their state, and the
// temporary logins that GetClusterCredentials and GetClusterCredentialsWithIAM issue for their endpoints; custom domain
// names of clusters, and authentication profiles.
//
// Not played: the tags of an IAM identity (RedshiftDbUser, RedshiftDbGroups, RedshiftDbRoles) and tags of its session. A login
// by GetClusterCredentialsWithIAM has what its database user was granted, and joins no groups. Certificates of custom domain
// names are not looked up. The quota for the size of authentication profiles, which AWS does not publish, is not there.
//
// What AWS's documentation leaves open is decided here, and nothing but this sandbox says that it is so:
//   - Both APIs for logins are refused with InvalidClusterState while a cluster takes no logins (paused, pausing, resuming,
//     creating, rebooting, failed). While it is resized or modified, logins are issued.
//   - Pausing and resuming take five minutes each, during which the cluster takes no logins.
//   - GetClusterCredentialsWithIAM without DbName asks the policies for all databases, dbname:CLUSTER/*. Its database user is
//     made at the first login. NextRefreshTime, which AWS reserves, is the Expiration.
//   - A login that is asked for by a custom domain name is authorised on the cluster that it leads to, and on all clusters if
//     it is unknown. A request that names a cluster too, to which the domain does not lead, is InvalidParameterValue.
//   - A domain may lead to one cluster only; a cluster may have several.
//   - Upper-case letters in DbUser and DbGroups are those of the policies and of the returned name; the database knows the
//     names in lower case, as it does every identifier. DbName is taken as it is.
//   - A value out of range is InvalidParameterValue. The messages are ours.
//   - ModifyClusterIamRoles wants at least one role in its lists and no role twice. Adding a role that the cluster has and
//     removing one that it does not have change nothing. While a change of roles is applied the status stays available,
//     and the next change, pausing too, is refused with InvalidClusterState. A role that was deleted stays attached, and
//     can be removed. The code of the refusal of one role too many, RoleQuotaExceeded, is not AWS's.
//   - All questions about one request carry the same condition keys; redshift:DurationSeconds is there when the request
//     leaves it to the default.
package redshift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// ErrClusterNotFound means that there is no cluster of that name; names are case sensitive.
var ErrClusterNotFound = errors.New("cluster not found")

// A Clock tells the time and runs work later.
type Clock interface {
	Now() time.Time
	At(t time.Time, run func()) (cancel func())
}

// An Endpoint is where clients of a cluster log in.
type Endpoint interface {
	Host() string
	Port() int
	// Issue makes a login valid.
	Issue(warehouse.Login)
	// Pause ends all sessions and takes no new ones until Resume.
	Pause()
	Resume()
	// HasUser reports whether the cluster has a database user of that name.
	HasUser(ctx context.Context, name string) (bool, error)
	// Session opens a session of a database user without a login.
	Session(ctx context.Context, database, user string) (*pgx.Conn, error)
}

// A Cluster describes a cluster to add.
type Cluster struct {
	Identifier     string
	Endpoint       Endpoint
	Database       string // the first database; empty is dev
	MasterUsername string // the superuser that came with the cluster; empty is awsuser
	SecurityGroups []string
	Roles          []string // ARNs of attached roles, which are in-sync
	Tags           map[string]string

	VPC             string // empty is one of its own
	EnhancedRouting bool
}

// A Service is Redshift in one region of the account. Its methods may be called from several goroutines.
type Service struct {
	clock Clock

	mu               sync.Mutex
	clusters         map[string]*cluster
	missingUserFails bool
	roles            Roles
	roleLimit        int
	domains          map[string]warehouse.Domain // by name in lower case
	profiles         map[string]string           // contents by name
}

type cluster struct {
	Cluster
	roles     []attachedRole // not those of Cluster
	status    string
	created   time.Time
	namespace string // identifier
	changes   int    // of the status so far

	maintenance bool
}

// New returns a service without clusters.
func New(clock Clock) *Service {
	return &Service{
		clock: clock, clusters: map[string]*cluster{}, roleLimit: MaxRoles,
		domains: map[string]warehouse.Domain{}, profiles: map[string]string{},
	}
}

// AddCluster adds an available cluster. Everything in c is copied but its endpoint.
func (s *Service) AddCluster(c Cluster) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Identifier == "" || c.Endpoint == nil {
		return errors.New("add cluster: it needs an identifier and an endpoint")
	}
	if s.clusters[c.Identifier] != nil {
		return fmt.Errorf("add cluster %s: there is one already", c.Identifier)
	}
	c.Database = cmp.Or(c.Database, "dev")
	c.MasterUsername = cmp.Or(c.MasterUsername, "awsuser")
	c.VPC = cmp.Or(c.VPC, "vpc-"+c.Identifier)
	c.SecurityGroups, c.Roles, c.Tags = slices.Clone(c.SecurityGroups), slices.Clone(c.Roles), maps.Clone(c.Tags)
	s.clusters[c.Identifier] = &cluster{Cluster: c, roles: attached(c.Roles), created: s.clock.Now(), namespace: uuid.New()}
	s.clusters[c.Identifier].become(available)
	return nil
}

// RemoveCluster removes a cluster and its domains, as if somebody had deleted it. What it returns can be added again, as a restored
// cluster of the same name; ok is false if there is no such cluster.
func (s *Service) RemoveCluster(identifier string) (c Cluster, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	removed := s.clusters[identifier]
	if removed == nil {
		return Cluster{}, false
	}
	removed.become("deleting")
	delete(s.clusters, identifier)
	maps.DeleteFunc(s.domains, func(_ string, d warehouse.Domain) bool { return d.Target == identifier })
	c = removed.Cluster
	c.Roles = nil
	for _, r := range removed.roles {
		if r.ApplyStatus != removing {
			c.Roles = append(c.Roles, r.IamRoleArn)
		}
	}
	return c, true
}

// SetMissingUserFails chooses what GetClusterCredentials does about a database user that does not exist, without
// AutoCreate: true is the behaviour of the older user guide, where the call fails; false, the API reference's and
// the default, lets the call succeed and the login fail.
func (s *Service) SetMissingUserFails(fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missingUserFails = fails
}

// HasCluster reports whether there is a cluster of that name.
func (s *Service) HasCluster(identifier string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clusters[identifier] != nil
}

// Session opens a session of a database user of a cluster, for the Data API, which has asked the policies.
// The error is [ErrClusterNotFound], warehouse.ErrPaused or PostgreSQL's. The caller closes the session.
func (s *Service) Session(ctx context.Context, identifier, database, user string) (*pgx.Conn, error) {
	s.mu.Lock()
	c := s.clusters[identifier]
	s.mu.Unlock()
	if c == nil {
		return nil, ErrClusterNotFound
	}
	return c.Endpoint.Session(ctx, database, strings.ToLower(user))
}

// AWS is the service's front: version 2012-12-01 of the query protocol.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "redshift", Protocol: awshttp.Query,
		Namespace: "http://redshift.amazonaws.com/doc/2012-12-01/", Version: "2012-12-01",
		Internal: "InternalFailure", Invalid: "InvalidParameterValue",
		Operations: map[string]awshttp.Operation{
			"CreateAuthenticationProfile":      s.createAuthenticationProfile,
			"CreateCustomDomainAssociation":    s.createCustomDomainAssociation,
			"DeleteAuthenticationProfile":      s.deleteAuthenticationProfile,
			"DeleteCustomDomainAssociation":    s.deleteCustomDomainAssociation,
			"DescribeAuthenticationProfiles":   s.describeAuthenticationProfiles,
			"DescribeClusters":                 s.describeClusters,
			"DescribeCustomDomainAssociations": s.describeCustomDomainAssociations,
			"GetClusterCredentials":            s.getClusterCredentials,
			"GetClusterCredentialsWithIAM":     s.getClusterCredentialsWithIAM,
			"ModifyClusterIamRoles":            s.modifyClusterIamRoles,
			"PauseCluster":                     s.pauseCluster,
			"ResumeCluster":                    s.resumeCluster,
		},
	}
}

// find returns a cluster. The caller holds s.mu.
func (s *Service) find(identifier string) (*cluster, error) {
	if c := s.clusters[identifier]; c != nil {
		return c, nil
	}
	return nil, &awshttp.Error{Status: 404, Code: "ClusterNotFound", Message: "Cluster " + identifier + " not found."}
}

// arn names a resource as Redshift does: kind is cluster, namespace, dbuser, dbname or dbgroup.
func arn(region, kind, name string) string {
	return fmt.Sprintf("arn:%s:redshift:%s:%s:%s:%s", awshttp.Partition, region, awshttp.Account, kind, name)
}

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...)}
}
