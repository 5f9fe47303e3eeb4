package redshift

import (
	"context"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

type credentialsInput struct {
	scope
	DbUser     string `aws:"required"`
	DbGroups   []string
	AutoCreate bool
}

type credentialsOutput struct {
	DbUser     string
	DbPassword string
	Expiration time.Time
}

func (s *Service) getClusterCredentials(ctx context.Context, call *awshttp.Call) (any, error) {
	var in credentialsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	wrong := s.locate(&in.scope)
	for _, access := range in.accesses(call.Region) {
		if err := call.Authorize(access); err != nil {
			return nil, err
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	endpoint, missingUserFails, err := s.issuer(in.ClusterIdentifier)
	if err != nil {
		return nil, err
	}
	if missingUserFails && !in.AutoCreate {
		found, err := endpoint.HasUser(ctx, strings.ToLower(in.DbUser))
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, invalid("DbUser %q does not exist in the database", in.DbUser)
		}
	}
	login := in.login(s.clock.Now())
	endpoint.Issue(login)
	return credentialsOutput{login.Name, login.Password.Reveal(), login.Expires}, nil
}

// issuer is the endpoint of a cluster that takes logins now.
func (s *Service) issuer(identifier string) (e Endpoint, missingUserFails bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(identifier)
	if err != nil {
		return nil, false, err
	}
	if !takesLogins(c.status) {
		return nil, false, c.wrongState()
	}
	return c.Endpoint, s.missingUserFails, nil
}

// validate reports the first member that the API does not take. It comes before every question to the policies.
func (in *credentialsInput) validate() error {
	if err := in.scope.validate(); err != nil {
		return err
	}
	if problem := warehouse.BadName(in.DbUser, warehouse.BothCases); problem != "" {
		return invalid("DbUser %q %s", in.DbUser, problem)
	}
	if strings.EqualFold(in.DbUser, "PUBLIC") {
		return invalid("DbUser cannot be PUBLIC")
	}
	for _, group := range in.DbGroups {
		if problem := warehouse.BadName(group, warehouse.LowerCase); problem != "" {
			return invalid("DbGroups: %q %s", group, problem)
		}
	}
	return nil
}

// accesses are the questions to the policies.
// Source: Amazon Redshift Management Guide, resource policies for GetClusterCredentials.
func (in *credentialsInput) accesses(region string) []awshttp.Access {
	keys := in.keys()
	keys["redshift:DbUser"] = []string{in.DbUser}
	ask := func(action, kind, name string) awshttp.Access {
		return awshttp.Access{Action: "redshift:" + action, Resource: arn(region, kind, in.ClusterIdentifier+"/"+name), Context: keys}
	}
	all := []awshttp.Access{ask("GetClusterCredentials", "dbuser", in.DbUser)}
	if in.DbName != nil {
		all = append(all, ask("GetClusterCredentials", "dbname", *in.DbName))
	}
	if in.AutoCreate {
		all = append(all, ask("CreateClusterUser", "dbuser", in.DbUser))
	}
	for _, group := range in.DbGroups {
		all = append(all, ask("JoinGroup", "dbgroup", group))
	}
	return all
}

// login is what the cluster's endpoint will know of the answer. The name has the groups in it only with AutoCreate.
// Source: Amazon Redshift Management Guide, Generating IAM database credentials using the CLI or API (its examples).
func (in *credentialsInput) login(now time.Time) warehouse.Login {
	name := "IAM:" + in.DbUser
	if in.AutoCreate {
		name = strings.Join(append([]string{"IAMA", in.DbUser}, in.DbGroups...), ":")
	}
	l := warehouse.Login{
		User: strings.ToLower(in.DbUser), Name: name, Password: warehouse.NewPassword(),
		Groups: in.DbGroups, AutoCreate: in.AutoCreate, Expires: in.expires(now),
	}
	if in.DbName != nil {
		l.Database = *in.DbName
	}
	return l
}
