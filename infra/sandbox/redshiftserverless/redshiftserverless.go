// Package redshiftserverless plays the control plane of Amazon Redshift Serverless: workgroups, their custom domain
// names, and the temporary logins that GetCredentials issues for their endpoints.
//
// Not played: namespaces beyond their names, capacity, and the tags of an IAM identity (RedshiftDbRoles) or of its session. A
// login has what its database user was granted. Certificates of custom domain names are not looked up.
//
// What AWS's documentation leaves open is decided here, and nothing but this sandbox says that it is so:
//   - GetCredentials asks the policies for the workgroup alone, with or without dbName: the actions of Redshift Serverless
//     have no resource for a database. A login that was asked for one database opens no other.
//   - A workgroup that does not exist is asked for as workgroup/*: who may not use all hears that, and not that it is missing.
//   - A request that names a workgroup and a domain that does not lead to it is a ValidationException.
//   - While a workgroup is CREATING or DELETING it takes no logins, and GetCredentials is refused with ValidationException.
//   - nextRefreshTime is the expiration. The messages are ours.
package redshiftserverless

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// ErrWorkgroupNotFound means that there is no workgroup of that name.
var ErrWorkgroupNotFound = errors.New("workgroup not found")

// A Clock tells the time.
type Clock interface{ Now() time.Time }

// An Endpoint is where clients of a workgroup log in.
type Endpoint interface {
	Host() string
	Port() int
	// Issue makes a login valid.
	Issue(warehouse.Login)
	// Pause ends all sessions and takes no new ones until Resume.
	Pause()
	Resume()
}

// A Workgroup describes a workgroup to add.
type Workgroup struct {
	Name      string
	Namespace string // name
	Endpoint  Endpoint
	Tags      map[string]string
}

// A Service is Redshift Serverless in one region of the account. Its methods may be called from several goroutines.
type Service struct {
	clock Clock

	mu         sync.Mutex
	workgroups map[string]*workgroup
	domains    map[string]warehouse.Domain // by name
}

type workgroup struct {
	Workgroup
	id      string
	created time.Time
	status  string
}

// The states of a workgroup.
// Source: Redshift Serverless API Reference, Workgroup (status).
const (
	creating  = "CREATING"
	available = "AVAILABLE"
	modifying = "MODIFYING"
	deleting  = "DELETING"
)

// New returns a service without workgroups.
func New(clock Clock) *Service {
	return &Service{clock: clock, workgroups: map[string]*workgroup{}, domains: map[string]warehouse.Domain{}}
}

// AddWorkgroup adds an available workgroup. Everything in w is copied but its endpoint.
func (s *Service) AddWorkgroup(w Workgroup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if problem := badWorkgroup(w.Name); problem != "" || w.Endpoint == nil {
		return fmt.Errorf("add workgroup %q: it needs a name of %d to %d lower-case letters, digits and hyphens, and an endpoint", w.Name, minName, maxName)
	}
	if s.workgroups[w.Name] != nil {
		return fmt.Errorf("add workgroup %s: there is one already", w.Name)
	}
	w.Tags = maps.Clone(w.Tags)
	s.workgroups[w.Name] = &workgroup{Workgroup: w, id: uuid.New(), created: s.clock.Now(), status: available}
	return nil
}

// SetStatus puts a workgroup into a state at once, its endpoint too: CREATING, AVAILABLE, MODIFYING or DELETING.
func (s *Service) SetStatus(name, status string) error {
	if !slices.Contains([]string{creating, available, modifying, deleting}, status) {
		return fmt.Errorf("set status of workgroup %s: there is no status %q", name, status)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.workgroups[name]
	if w == nil {
		return fmt.Errorf("set status of workgroup %s: %w", name, ErrWorkgroupNotFound)
	}
	w.status = status
	if w.takesLogins() {
		w.Endpoint.Resume()
	} else {
		w.Endpoint.Pause()
	}
	return nil
}

func (w *workgroup) takesLogins() bool { return w.status == available || w.status == modifying }

// AWS is the service's front.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "redshift-serverless", Protocol: awshttp.JSON, Target: "RedshiftServerless",
		Internal: "InternalServerException", Invalid: "ValidationException",
		Operations: map[string]awshttp.Operation{
			"CreateCustomDomainAssociation": s.createCustomDomainAssociation,
			"GetCredentials":                s.getCredentials,
			"GetCustomDomainAssociation":    s.getCustomDomainAssociation,
			"GetWorkgroup":                  s.getWorkgroup,
			"ListWorkgroups":                s.listWorkgroups,
		},
	}
}

// reach asks the policies whether the caller may use a workgroup, and returns it as it is now.
func (s *Service) reach(call *awshttp.Call, name string) (workgroup, error) {
	s.mu.Lock()
	found := s.workgroups[name]
	w := workgroup{id: "*"}
	if found != nil {
		w = *found
	}
	s.mu.Unlock()
	keys := map[string][]string{}
	for key, value := range w.Tags {
		keys["aws:ResourceTag/"+key] = []string{value}
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift-serverless:" + call.Operation, Resource: w.arn(call.Region), Context: keys}); err != nil {
		return workgroup{}, err
	}
	if found == nil {
		return workgroup{}, missing(name, "Workgroup %s not found.", name)
	}
	return w, nil
}

func (w *workgroup) arn(region string) string {
	return fmt.Sprintf("arn:%s:redshift-serverless:%s:%s:workgroup/%s", awshttp.Partition, region, awshttp.Account, w.id)
}

func missing(resource, format string, args ...any) error {
	return &awshttp.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...), Members: map[string]any{"resourceName": resource}}
}

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}
