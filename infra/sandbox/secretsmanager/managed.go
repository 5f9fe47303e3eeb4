package secretsmanager

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/shared/secret"
)

// owningService is the tag that names the service which manages a secret.
const owningService = "aws:secretsmanager:owningService"

// closed are the actions that nobody but the managing service may take on its secrets. AWS lets RotateSecret through to
// that service; the sandbox does not.
//
// Source: AWS Secrets Manager User Guide, "Secrets managed by other AWS services".
var closed = []string{"CancelRotateSecret", "DeleteSecret", "PutSecretValue", "RestoreSecret", "RotateSecret", "TagResource",
	"UntagResource", "UpdateSecret", "UpdateSecretVersionStage"}

// managedElsewhere refuses an action on a secret that a service manages.
func (r *record) managedElsewhere(action string) error {
	if r.owner == "" || !slices.Contains(closed, action) {
		return nil
	}
	return invalidRequest("The secret is managed by another service, and you must use that service to update it. The secret %s is managed by %s.", r.name, r.owner)
}

// AddManaged makes a secret for a service of AWS, such as "rds", that alone may change it from then on, and returns its
// ARN. name begins with the service's name and an exclamation mark, as in rds!db-0123. tags are the service's own, for
// example aws:rds:primaryDBInstanceArn; the tag of the owning service comes by itself. The value is encrypted with
// AWS's own key.
func (s *Service) AddManaged(owner, name string, v secret.Value, tags map[string]string) (arn string, err error) {
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("add secret %q of %s: %w", name, owner, err)
	}
	ctx := context.Background()
	defer s.lock(ctx)()
	if s.secrets[name] != nil {
		return "", fmt.Errorf("add secret %q of %s: there is one already", name, owner)
	}
	r := &record{name: name, arn: s.newARN(name), owner: owner, created: s.now(), tags: []tag{{owningService, owner}}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		r.tags = append(r.tags, tag{key, tags[key]})
	}
	r.changed = r.created
	if _, err := s.put(ctx, r, uuid.New(), value{text, v}, "", nil); err != nil {
		return "", fmt.Errorf("add secret %q of %s: %w", name, owner, err)
	}
	s.secrets[name] = r
	return r.arn, nil
}

// PutManaged gives a managed secret a new value, which becomes AWSCURRENT: what its service does when it rotates.
func (s *Service) PutManaged(arn string, v secret.Value) error {
	ctx := context.Background()
	defer s.lock(ctx)()
	r, err := s.managed(arn)
	if err != nil {
		return err
	}
	_, err = s.put(ctx, r, uuid.New(), value{text, v}, "", nil)
	return err
}

// RemoveManaged removes a managed secret at once, as when its database is deleted.
func (s *Service) RemoveManaged(arn string) error {
	defer s.lock(context.Background())()
	r, err := s.managed(arn)
	if err != nil {
		return err
	}
	delete(s.secrets, r.name)
	return nil
}

func (s *Service) managed(arn string) (*record, error) {
	r := s.find(arn)
	if r == nil || r.owner == "" {
		return nil, fmt.Errorf("find managed secret %s: there is none", arn)
	}
	return r, nil
}
