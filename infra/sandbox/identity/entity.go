package identity

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// Quotas of IAM. Sizes are in characters without white space.
// Source: IAM User Guide, "IAM and AWS STS quotas".
const (
	maxAttached     = 10 // policies of a role or user
	maxTags         = 50
	maxKeys         = 2 // of a user
	maxManagedSize  = 6144
	maxRoleInline   = 10240 // all inline policies of a role together
	maxUserInline   = 2048
	maxTrustSize    = 2048
	maxSessionSize  = 2048
	defaultListSize = 100
)

// An entity is what users and roles have in common: a name in the account, and policies.
type entity struct {
	kind     string // "user" or "role", as in its ARN
	name     string
	path     string
	id       string
	created  time.Time
	inline   map[string]document
	attached []string // ARNs of managed policies, in the order they were attached
	boundary string   // ARN of a managed policy; empty if there is none
	tags     map[string]string
}

var entityName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
var entityPath = regexp.MustCompile(`^/([\x21-\x7e]+/)?$`)

func (s *Store) newEntity(kind, idPrefix, name, path string) (entity, error) {
	if !entityName.MatchString(name) {
		return entity{}, invalid("The specified value for %sName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", kind)
	}
	if path == "" {
		path = "/"
	}
	if !entityPath.MatchString(path) {
		return entity{}, invalid("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return entity{kind: kind, name: name, path: path, id: identifier(idPrefix, 21), created: s.now(),
		inline: map[string]document{}, tags: map[string]string{}}, nil
}

// now is the time as IAM writes it, in whole seconds.
func (s *Store) now() time.Time { return s.clock.Now().Truncate(time.Second) }

// arn is the ARN that an entity or managed policy has by its kind, path and name.
func arn(kind, path, name string) string {
	return "arn:" + awshttp.Partition + ":iam::" + awshttp.Account + ":" + kind + path + name
}

func (e *entity) arn() string { return arn(e.kind, e.path, e.name) }

// A document is a policy as it was written, with what was understood.
type document struct {
	text   string
	parsed *policy.Policy
}

func readDocument(kind policy.Kind, name, text string) (document, error) {
	p, err := policy.Parse(kind, name, text)
	if err != nil {
		return document{}, &awshttp.Error{Code: "MalformedPolicyDocument", Message: err.Error()}
	}
	return document{text, p}, nil
}

// size is what counts for quotas.
func (d document) size() int { return len(strings.Join(strings.Fields(d.text), "")) }

// putInline adds or replaces an inline policy.
func (e *entity) putInline(name, text string) error {
	d, err := readDocument(policy.Identity, name, text)
	if err != nil {
		return err
	}
	limit := maxRoleInline
	if e.kind == "user" {
		limit = maxUserInline
	}
	total := d.size()
	for other, o := range e.inline {
		if other != name {
			total += o.size()
		}
	}
	if total > limit {
		return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", limit, e.kind, e.name)
	}
	e.inline[name] = d
	return nil
}

func (e *entity) findInline(name string) (document, error) {
	d, ok := e.inline[name]
	if !ok {
		return d, noSuchEntity("The %s policy with name %s cannot be found.", e.kind, name)
	}
	return d, nil
}

// attach adds a managed policy; attaching it again does nothing.
func (s *Store) attach(e *entity, policyARN string) error {
	if s.managed[policyARN] == nil {
		return noSuchEntity("Policy %s does not exist or is not attachable.", policyARN)
	}
	if slices.Contains(e.attached, policyARN) {
		return nil
	}
	if len(e.attached) == maxAttached {
		return limitExceeded("Cannot exceed quota for PoliciesPer%s: %d", title(e.kind), maxAttached)
	}
	e.attached = append(e.attached, policyARN)
	return nil
}

func (e *entity) detach(policyARN string) error {
	i := slices.Index(e.attached, policyARN)
	if i < 0 {
		return noSuchEntity("Policy %s was not found.", policyARN)
	}
	e.attached = slices.Delete(e.attached, i, i+1)
	return nil
}

// setBoundary sets the boundary; an empty ARN is no boundary.
func (s *Store) setBoundary(e *entity, policyARN string) error {
	if policyARN != "" && s.managed[policyARN] == nil {
		return noSuchEntity("Scope ARN: %s does not exist or is not attachable.", policyARN)
	}
	e.boundary = policyARN
	return nil
}

// deletable refuses to delete an entity that still has policies.
func (e *entity) deletable() error {
	if len(e.attached) > 0 {
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	}
	if len(e.inline) > 0 {
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return nil
}

// policies are what the entity may do and what bounds it. Managed policies are read when they are needed, so that a
// change of one reaches everybody who has it.
func (s *Store) policies(e *entity) (identity []*policy.Policy, boundary *policy.Policy) {
	for _, name := range slices.Sorted(maps.Keys(e.inline)) {
		identity = append(identity, e.inline[name].parsed)
	}
	for _, policyARN := range e.attached {
		identity = append(identity, s.managed[policyARN].current().document.parsed)
	}
	if e.boundary != "" {
		boundary = s.managed[e.boundary].current().document.parsed
	}
	return identity, boundary
}

func title(kind string) string { return strings.ToUpper(kind[:1]) + kind[1:] }

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

func noSuchEntity(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusNotFound, Code: "NoSuchEntity", Message: fmt.Sprintf(format, args...)}
}

func alreadyExists(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusConflict, Code: "EntityAlreadyExists", Message: fmt.Sprintf(format, args...)}
}

func deleteConflict(message string) error {
	return &awshttp.Error{Status: http.StatusConflict, Code: "DeleteConflict", Message: message}
}

func limitExceeded(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusConflict, Code: "LimitExceeded", Message: fmt.Sprintf(format, args...)}
}
