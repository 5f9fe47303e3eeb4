// Package rds plays the control plane of Amazon RDS: instances, their state and tags, master users whose secrets RDS
// manages, and the events that RDS puts on the default bus.
//
// What AWS's documentation leaves open is decided here, and nothing but this sandbox says that it is so:
//   - An instance is available at once, and its event comes with it, unless [Instance.Status] says otherwise.
//   - Tags stand in the detail of events as an object. The schemas of AWS's CDK have it so; no sample event shows it.
//   - SourceIdentifier is the identifier alone, without the prefix rds: that some samples have.
//   - There are no Aurora clusters yet: descriptions of clusters are empty.
package rds

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Clock tells the time.
type Clock interface{ Now() time.Time }

// Publisher puts events of services on the default bus.
type Publisher interface {
	// Publish puts an event there; detail is a JSON object and resources are ARNs.
	Publish(ctx context.Context, source, detailType string, detail []byte, resources ...string)
}

// Secrets keeps the secrets that RDS manages.
type Secrets interface {
	// AddManaged makes a secret that owner alone may change, and returns its ARN.
	AddManaged(owner, name string, value secret.Value, tags map[string]string) (arn string, err error)
	// PutManaged gives it a new value.
	PutManaged(arn string, value secret.Value) error
	// RemoveManaged removes it at once, without a recovery window.
	RemoveManaged(arn string) error
}

// Config ties RDS to the rest of the sandbox.
type Config struct {
	Clock   Clock
	Region  string    // empty means awshttp.DefaultRegion
	Publish Publisher // nil puts events nowhere
	Secrets Secrets   // nil refuses instances whose master user RDS shall manage
	// StatusChanged is told of each change of an instance's status, after it; nil is told nothing.
	StatusChanged func(identifier, status string)
}

// Statuses that mean something here. Others of RDS's list may be set too.
// Source: Amazon RDS User Guide, "Viewing Amazon RDS DB instance status".
const (
	Available = "available"
	Creating  = "creating"
	Stopped   = "stopped"
)

// An Instance describes a database instance to add.
type Instance struct {
	Identifier string
	Engine     string // empty is postgres
	Version    string // empty is 15.7
	Status     string // empty is available
	Address    string // of the endpoint; empty until there is one
	Port       int
	Database   string // the first one; may be empty
	Master     string // name of the master user

	// MasterPassword is set for a master user whose secret RDS manages. It goes to Secrets Manager and is not kept here.
	MasterPassword secret.Value
	SecretARN      string // set by AddInstance
	SecretStatus   string // empty is active

	VPC            string
	SecurityGroups []string
	Tags           map[string]string
	Public         bool
	Unencrypted    bool
	Authority      string // CACertificateIdentifier; empty is rds-ca-rsa2048-g1
}

// A Service is RDS in one region of the account. Its methods may be called from several goroutines.
type Service struct {
	config Config
	key    string // identifier of the key that Secrets Manager uses where no other one was chosen

	mu        sync.Mutex
	instances map[string]*instance
}

type instance struct {
	Instance
	resource string // db-…, another one for another instance of the same name
	created  time.Time
}

// New returns a service without instances.
func New(c Config) *Service {
	c.Region = cmp.Or(c.Region, awshttp.DefaultRegion)
	return &Service{config: c, key: uuid.New(), instances: map[string]*instance{}}
}

// AddInstance adds an instance, with the secret of its master user if RDS manages it, and announces it. Identifiers are
// kept in lower case, as RDS does. Everything in i is copied.
func (s *Service) AddInstance(ctx context.Context, i Instance) error {
	i.Identifier = strings.ToLower(i.Identifier)
	if i.Identifier == "" || i.Master == "" {
		return errors.New("add RDS instance: it needs an identifier and a master user")
	}
	i.Engine, i.Version = cmp.Or(i.Engine, "postgres"), cmp.Or(i.Version, "15.7")
	i.Status, i.Authority = cmp.Or(i.Status, Available), cmp.Or(i.Authority, "rds-ca-rsa2048-g1")
	i.SecurityGroups, i.Tags = slices.Clone(i.SecurityGroups), maps.Clone(i.Tags)
	if i.Tags == nil {
		i.Tags = map[string]string{}
	}
	s.mu.Lock()
	taken := s.instances[i.Identifier] != nil
	s.mu.Unlock()
	if taken {
		return fmt.Errorf("add RDS instance %s: there is one already", i.Identifier)
	}
	if err := s.keepPassword(&i); err != nil {
		return err
	}
	made := &instance{Instance: i, resource: "db-" + randomText(26), created: s.config.Clock.Now()}
	s.mu.Lock()
	s.instances[i.Identifier] = made
	event := s.event(made, created)
	s.mu.Unlock()
	s.publish(ctx, event)
	return nil
}

// keepPassword puts the master user's password where RDS would.
func (s *Service) keepPassword(i *Instance) error {
	if i.MasterPassword.IsZero() {
		return nil
	}
	if s.config.Secrets == nil {
		return fmt.Errorf("add RDS instance %s: nobody keeps the secrets that RDS manages", i.Identifier)
	}
	arn, err := s.config.Secrets.AddManaged("rds", "rds!db-"+uuid.New(), masterSecretValue(i.Master, i.MasterPassword),
		map[string]string{"aws:rds:primaryDBInstanceArn": s.arn("db", i.Identifier)})
	if err != nil {
		return fmt.Errorf("make the secret of instance %s: %w", i.Identifier, err)
	}
	i.SecretARN = arn
	i.SecretStatus = cmp.Or(i.SecretStatus, "active")
	i.MasterPassword = secret.Value{}
	return nil
}

// masterSecretValue is what RDS keeps in the secret of a master user: nothing but who logs in, by what everybody reports.
func masterSecretValue(user string, password secret.Value) secret.Value {
	text, err := json.Marshal(map[string]string{"username": user, "password": password.Reveal()})
	if err != nil {
		panic(fmt.Sprintf("encode the secret of user %q: %v", user, err)) // cannot happen: it is all text
	}
	return secret.New(string(text))
}

// SetMasterPassword puts the master user's new password into the secret that RDS manages, as its rotation does.
func (s *Service) SetMasterPassword(identifier string, password secret.Value) error {
	i, ok := s.Instance(identifier)
	if !ok || i.SecretARN == "" {
		return fmt.Errorf("set master password of RDS instance %s: there is none whose secret RDS manages", identifier)
	}
	return s.config.Secrets.PutManaged(i.SecretARN, masterSecretValue(i.Master, password))
}

// RemoveInstance removes an instance, as if somebody had deleted it, with the secret that RDS manages for it, and
// announces that.
func (s *Service) RemoveInstance(ctx context.Context, identifier string) error {
	s.mu.Lock()
	i := s.instances[strings.ToLower(identifier)]
	if i == nil {
		s.mu.Unlock()
		return fmt.Errorf("remove RDS instance %s: there is none", identifier)
	}
	delete(s.instances, i.Identifier)
	event := s.event(i, deleted)
	s.mu.Unlock()
	s.publish(ctx, event)
	if i.SecretARN == "" || s.config.Secrets == nil {
		return nil
	}
	return s.config.Secrets.RemoveManaged(i.SecretARN)
}

// SetStatus changes the status of an instance. That it has stopped, or has started again, is announced.
func (s *Service) SetStatus(ctx context.Context, identifier, status string) error {
	s.mu.Lock()
	i := s.instances[strings.ToLower(identifier)]
	if i == nil {
		s.mu.Unlock()
		return fmt.Errorf("set status of RDS instance %s: there is none", identifier)
	}
	before := i.Status
	i.Status = status
	var event announcement
	switch {
	case before == status:
	case status == Stopped:
		event = s.event(i, stopped)
	case status == Available && (before == Stopped || before == "starting"):
		event = s.event(i, started)
	}
	s.mu.Unlock()
	if s.config.StatusChanged != nil {
		s.config.StatusChanged(i.Identifier, status)
	}
	s.publish(ctx, event)
	return nil
}

// SetEndpoint changes where clients reach an instance; an empty address is an instance without an endpoint yet.
func (s *Service) SetEndpoint(identifier, address string, port int) error {
	return s.change(identifier, func(i *instance) { i.Address, i.Port = address, port })
}

// SetSecurityGroups changes the groups of an instance.
func (s *Service) SetSecurityGroups(identifier string, groups ...string) error {
	return s.change(identifier, func(i *instance) { i.SecurityGroups = slices.Clone(groups) })
}

func (s *Service) change(identifier string, edit func(*instance)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[strings.ToLower(identifier)]
	if i == nil {
		return fmt.Errorf("change RDS instance %s: there is none", identifier)
	}
	edit(i)
	return nil
}

// Instance returns an instance as it is now; ok is false if there is none.
func (s *Service) Instance(identifier string) (i Instance, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.instances[strings.ToLower(identifier)]
	if found == nil {
		return Instance{}, false
	}
	i = found.Instance
	i.SecurityGroups, i.Tags = slices.Clone(i.SecurityGroups), maps.Clone(i.Tags)
	return i, true
}

// At returns the instance whose endpoint it is; ok is false if there is none.
func (s *Service) At(address string, port int) (_ Instance, ok bool) {
	s.mu.Lock()
	identifier := ""
	for _, i := range s.instances {
		if strings.EqualFold(i.Address, address) && i.Port == port {
			identifier = i.Identifier
		}
	}
	s.mu.Unlock()
	return s.Instance(identifier)
}

// AWS is the service's front: version 2014-10-31 of the query protocol.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name: "rds", Protocol: awshttp.Query,
		Namespace: "http://rds.amazonaws.com/doc/2014-10-31/", Version: "2014-10-31",
		Internal: "InternalFailure", Invalid: "InvalidParameterValue",
		Operations: map[string]awshttp.Operation{
			"DescribeDBInstances":    s.describeInstances,
			"DescribeDBClusters":     s.describeClusters,
			"AddTagsToResource":      s.addTags,
			"RemoveTagsFromResource": s.removeTags,
			"ListTagsForResource":    s.listTags,
		},
	}
}

// arn names an instance (kind db) or a cluster (kind cluster) as RDS does.
func (s *Service) arn(kind, identifier string) string {
	return fmt.Sprintf("arn:%s:rds:%s:%s:%s:%s", awshttp.Partition, s.config.Region, awshttp.Account, kind, identifier)
}

// randomText is n characters of those that RDS's identifiers have.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base32.StdEncoding.EncodeToString(b)[:n]
}

func refusal(code, format string, args ...any) error {
	return &awshttp.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
