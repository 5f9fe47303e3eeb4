package identity

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

const (
	assumeRole  = "sts:AssumeRole"
	assumeByWeb = "sts:AssumeRoleWithWebIdentity"
	assumeBySSO = "sts:AssumeRoleWithSAML"
	tagSession  = "sts:TagSession"

	minSession = 15 * time.Minute
	maxSession = 12 * time.Hour
	// maxChained is how long a session may live that was made by a session of a role.
	maxChained = time.Hour
)

// nobody is the trust policy of a role that is not there: STS does not tell who exists.
const nobody = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"nobody.amazonaws.com"},"Action":"sts:AssumeRole"}}`

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

const maxExternalID = 1224 // characters

// Assume makes a session of a role that lives for ttl, as services do for their own sake (by names the service)
// and AssumeRole does for users and roles. The role's trust policy decides.
//
// Services are not bound by the role's maximum session duration. Errors are *[awshttp.Error]s: AccessDeniedException
// for a role that is not there as for one that does not trust, ValidationError for a name or duration.
func (s *Store) Assume(by awshttp.Principal, roleARN, session string, ttl time.Duration) (Credentials, awshttp.Principal, error) {
	a := assumption{by: by, role: roleARN, session: session, ttl: ttl}
	if err := a.wellFormed(); err != nil {
		return Credentials{}, awshttp.Principal{}, err
	}
	if err := s.Authorize(by, s.asks(a)); err != nil {
		return Credentials{}, awshttp.Principal{}, err
	}
	if by.Service == podIdentity {
		tagged := s.asks(a)
		tagged.Action = tagSession
		if err := s.Authorize(by, tagged); err != nil {
			return Credentials{}, awshttp.Principal{}, err
		}
	}
	return s.assume(a)
}

// podIdentity is the one service that tags its sessions: a role must trust it with that too. The tags themselves
// are not there.
const podIdentity = "pods.eks.amazonaws.com"

// An assumption is a wish for a session.
type assumption struct {
	by            awshttp.Principal
	role, session string
	externalID    string
	ttl           time.Duration
	policy        *policy.Policy
	action        string              // empty: sts:AssumeRole
	keys          map[string][]string // condition keys of this way to a session
}

// asks is the question that an assumption puts to the policies.
func (s *Store) asks(a assumption) awshttp.Access {
	s.mu.RLock()
	defer s.mu.RUnlock()
	access := awshttp.Access{Action: cmp.Or(a.action, assumeRole), Resource: a.role, ResourcePolicy: nobody,
		Context: map[string][]string{"sts:RoleSessionName": {a.session}}}
	maps.Copy(access.Context, a.keys)
	if a.externalID != "" {
		access.Context["sts:ExternalId"] = []string{a.externalID}
	}
	if v, ok := s.seen(a.role); ok {
		access.ResourcePolicy = v.role.trust.text
		for name, value := range v.role.tags {
			access.Context["aws:ResourceTag/"+name] = []string{value}
		}
	}
	return access
}

// assume makes the session, once it is authorized.
func (s *Store) assume(a assumption) (Credentials, awshttp.Principal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.seen(a.role)
	if !ok { // deleted since it was authorized
		return Credentials{}, awshttp.Principal{}, noSuchEntity("Role %s cannot be found.", a.role)
	}
	r := v.role
	if err := a.fits(r); err != nil {
		return Credentials{}, awshttp.Principal{}, err
	}
	key := Credentials{
		AccessKeyID: identifier("ASIA", 20), SecretAccessKey: newSecret(30), SessionToken: newSecret(180),
		Expires: s.clock.Now().Add(a.ttl),
	}
	p := r.principal(a.session)
	p.Context = map[string][]string{sessionKey: {key.AccessKeyID}}
	s.sessions[key.AccessKeyID] = live{key.SecretAccessKey, key.SessionToken, p, r.id, key.Expires, a.policy}
	return key, p, nil
}

// principal is a session of the role.
func (r *role) principal(session string) awshttp.Principal {
	return awshttp.Principal{
		ARN:     "arn:" + awshttp.Partition + ":sts::" + awshttp.Account + ":assumed-role/" + r.name + "/" + session,
		Account: awshttp.Account, UserID: r.id + ":" + session, Role: r.arn(),
	}
}

// sessionNames are those that services give to the sessions they make for themselves. The others use their own name.
var sessionNames = map[string]string{"redshift": "RedshiftIamRoleSession"}

// AssumeAs returns the session that an AWS service, for example redshift.amazonaws.com, gets by the role's trust policy.
// The trust may name the service for its one region too, as in redshift.us-east-1.amazonaws.com. A trust policy that
// wants an external id or a source from the service is never fulfilled.
//
// A refusal is an *[awshttp.Error], AccessDeniedException, for a role that is not there or not seen yet as for one
// that does not trust. The session has no key: it serves [awshttp.Server.Do] and Authorize.
func (s *Store) AssumeAs(service, roleARN string) (awshttp.Principal, error) {
	name := strings.TrimSuffix(service, serviceSuffix)
	a := assumption{role: roleARN, session: cmp.Or(sessionNames[name], name)}
	access := s.asks(a)
	err := s.Authorize(awshttp.Principal{Service: service}, access)
	if err != nil && s.Authorize(awshttp.Principal{Service: name + "." + awshttp.DefaultRegion + serviceSuffix}, access) != nil {
		return awshttp.Principal{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.seen(roleARN)
	if !ok { // deleted since it was authorized
		return awshttp.Principal{}, noSuchEntity("Role %s cannot be found.", roleARN)
	}
	return v.role.principal(a.session), nil
}

const serviceSuffix = ".amazonaws.com"

// wellFormed checks what STS's model says of the wish, before anybody is asked.
func (a assumption) wellFormed() error {
	if !sessionName.MatchString(a.session) {
		return constraint(a.session, "roleSessionName", "satisfy regular expression pattern: [\\w+=,.@-]* and have a length of 2 to 64")
	}
	if a.by.Service != "" {
		if a.ttl <= 0 {
			return fmt.Errorf("assume role %s: session of %v has no life", a.role, a.ttl)
		}
		return nil
	}
	switch seconds := fmt.Sprintf("%.0f", a.ttl.Seconds()); {
	case a.ttl < minSession:
		return constraint(seconds, "durationSeconds", "have value greater than or equal to 900")
	case a.ttl > maxSession:
		return constraint(seconds, "durationSeconds", "have value less than or equal to 43200")
	}
	return nil
}

// constraint refuses a member of an input in the words of AWS's models.
func constraint(value, member, must string) error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value, member, must)
}

// fits checks what the role and the caller's session say of the life.
func (a assumption) fits(r *role) error {
	switch {
	case a.by.Service != "":
		return nil
	case a.by.Role != "" && a.ttl > maxChained:
		return invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case a.ttl > r.maxSession:
		return invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return nil
}

// trustedExist refuses a trust policy that names users or roles who are not there. The caller holds s.mu.
func (s *Store) trustedExist(p *policy.Policy) error {
	var missing []string
	for _, name := range p.Principals() {
		session := assumedRole.FindStringSubmatch(name)
		switch {
		case session != nil && s.roles[folded(session[1])] != nil:
		case s.userByARN(name) != nil || s.roleByARN(name) != nil:
		default:
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	if len(missing) > 0 {
		return &awshttp.Error{Code: "MalformedPolicyDocument", Message: `Invalid principal in policy: "AWS":` + strings.Join(missing, ",")}
	}
	return nil
}

var assumedRole = regexp.MustCompile(`:assumed-role/([^/]+)/`)
