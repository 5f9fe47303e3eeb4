package redshift

import (
	"cmp"
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
)

type withIAMInput struct{ scope }

type withIAMOutput struct {
	DbUser          string
	DbPassword      string
	Expiration      time.Time
	NextRefreshTime time.Time
}

// getClusterCredentialsWithIAM logs in the caller itself, by the name of its IAM identity.
func (s *Service) getClusterCredentialsWithIAM(_ context.Context, call *awshttp.Call) (any, error) {
	var in withIAMInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := in.validate(); err != nil {
		return nil, err
	}
	database := ""
	if in.DbName != nil {
		database = *in.DbName
	}
	wrong := s.locate(&in.scope)
	access := awshttp.Access{Action: "redshift:GetClusterCredentialsWithIAM",
		Resource: arn(call.Region, "dbname", in.ClusterIdentifier+"/"+cmp.Or(database, "*")), Context: in.keys()}
	if err := call.Authorize(access); err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, wrong
	}
	endpoint, _, err := s.issuer(in.ClusterIdentifier)
	if err != nil {
		return nil, err
	}
	login, ok := warehouse.IdentityLogin(call.Principal, database, in.expires(s.clock.Now()))
	if !ok {
		return nil, &awshttp.Error{Code: "UnsupportedOperation", Message: call.Principal.String() + " is neither an IAM user nor a session of a role"}
	}
	endpoint.Issue(login)
	return withIAMOutput{login.Name, login.Password.Reveal(), login.Expires, login.Expires}, nil
}
