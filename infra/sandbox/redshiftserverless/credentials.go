package redshiftserverless

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

// The life of a login, in seconds.
// Source: Redshift Serverless API Reference, GetCredentials (durationSeconds).
const (
	minDuration = 900
	maxDuration = 3600
)

type credentialsInput struct {
	WorkgroupName    string  `json:"workgroupName"`
	CustomDomainName string  `json:"customDomainName"`
	DbName           *string `json:"dbName"`
	DurationSeconds  *int    `json:"durationSeconds"`
}

type credentialsOutput struct {
	DbUser          string    `json:"dbUser"`
	DbPassword      string    `json:"dbPassword"`
	Expiration      time.Time `json:"expiration"`
	NextRefreshTime time.Time `json:"nextRefreshTime"`
}

// getCredentials logs in the caller itself, by the name of its IAM identity.
func (s *Service) getCredentials(_ context.Context, call *awshttp.Call) (any, error) {
	var in credentialsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	w, err := s.target(call, in)
	if err != nil {
		return nil, err
	}
	if !w.takesLogins() {
		return nil, invalid("Workgroup %s is %s.", w.Name, w.status)
	}
	database := ""
	if in.DbName != nil {
		database = *in.DbName
	}
	// Rounded to what the answer can say, so that no login outlives it.
	expires := s.clock.Now().Add(time.Duration(in.duration()) * time.Second).Truncate(time.Millisecond)
	login, ok := warehouse.IdentityLogin(call.Principal, database, expires)
	if !ok {
		return nil, invalid("%s is neither an IAM user nor a session of a role", call.Principal)
	}
	w.Endpoint.Issue(login)
	return credentialsOutput{login.Name, login.Password.Reveal(), login.Expires, login.Expires}, nil
}

// validate reports the first member that the API does not take. It comes before every question to the policies.
func (in *credentialsInput) validate() error {
	if in.WorkgroupName == "" && in.CustomDomainName == "" {
		return invalid("workgroupName or customDomainName is required")
	}
	if in.WorkgroupName != "" {
		if problem := badWorkgroup(in.WorkgroupName); problem != "" {
			return invalid("workgroupName %q %s", in.WorkgroupName, problem)
		}
	}
	if in.DbName != nil {
		if problem := warehouse.BadName(*in.DbName, warehouse.BothCases); problem != "" {
			return invalid("dbName %q %s", *in.DbName, problem)
		}
	}
	if d := in.duration(); d < minDuration || d > maxDuration {
		return invalid("durationSeconds is %d; it must be between %d and %d", d, minDuration, maxDuration)
	}
	return nil
}

func (in *credentialsInput) duration() int {
	if in.DurationSeconds == nil {
		return minDuration
	}
	return *in.DurationSeconds
}

// target is the workgroup that a request names, by its own name, by a domain, or by both.
func (s *Service) target(call *awshttp.Call, in credentialsInput) (workgroup, error) {
	if in.CustomDomainName == "" {
		return s.reach(call, in.WorkgroupName)
	}
	domain, known := s.domain(in.CustomDomainName)
	if in.WorkgroupName == "" {
		w, err := s.reach(call, domain.Target)
		if err != nil && !known && isMissing(err) {
			err = missing(in.CustomDomainName, "Custom domain %s is not associated with a workgroup.", in.CustomDomainName)
		}
		return w, err
	}
	w, err := s.reach(call, in.WorkgroupName)
	if err == nil && domain.Target != w.Name {
		err = invalid("customDomainName %s does not lead to workgroup %s", in.CustomDomainName, w.Name)
	}
	return w, err
}
