package federated

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/secret"
)

// service is who assumes the role of a schema.
const service = "redshift.amazonaws.com"

// A login is what a secret holds.
type login struct {
	user     string
	password secret.Value
}

// logIn does everything that the cluster must be able to do to read a source, and returns a session there.
// The order is the cluster's: whatever is wrong first is what its error says.
func (s *Schemas) logIn(ctx context.Context, cluster string, o options) (login, *pgx.Conn, error) {
	as, err := s.assume(ctx, cluster, o.roles())
	if err != nil {
		return login{}, nil, err
	}
	if s.config.ReachesSecrets != nil && !s.config.ReachesSecrets(cluster) {
		return login{}, nil, failure("Failed to incorporate external table into local catalog. Error=: %s", noAnswer)
	}
	l, err := s.fetch(ctx, as, o.SecretARN)
	if err != nil {
		return login{}, nil, err
	}
	if !s.config.Reachable(cluster, o.URI, o.port()) {
		return login{}, nil, noConnection("timeout expired\n")
	}
	conn, err := s.dial(ctx, l, o)
	return l, conn, err
}

// assume goes through the roles: the first must be attached, each further one is assumed by the one before.
func (s *Schemas) assume(ctx context.Context, cluster string, roles []string) (p awshttp.Principal, err error) {
	if !slices.Contains(s.config.AttachedRoles(cluster), roles[0]) {
		return p, noCredentials(roles[0])
	}
	if len(roles) > 1 {
		return p, failure("the sandbox does not have chains of roles: IAM_ROLE names %d", len(roles))
	}
	if p, err = s.config.Roles.AssumeAs(service, roles[0]); err != nil {
		s.log.InfoContext(ctx, "role of an external schema refused", "role", roles[0], "err", err)
		return p, noCredentials(roles[0])
	}
	return p, nil
}

// fetch reads the secret as the role. Policies and the key decide in the API.
func (s *Schemas) fetch(ctx context.Context, as awshttp.Principal, arn string) (login, error) {
	out, err := s.config.API.Do(ctx, as, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": arn})
	if e, ok := errors.AsType[*awshttp.Error](err); ok {
		return login{}, failure("Failed to read secret %s from AWS Secrets Manager: %s", arn, e.Error())
	}
	if err != nil {
		return login{}, fmt.Errorf("read secret %s: %w", arn, err)
	}
	text, _ := out["SecretString"].(string)
	var value map[string]any                                     // a struct would not mind the case of the keys
	if err := json.Unmarshal([]byte(text), &value); err != nil { // which would quote the value
		return login{}, failure("Secret %s is not a JSON object with the keys username and password", arn)
	}
	user, _ := value["username"].(string)
	password, _ := value["password"].(string)
	if user == "" || password == "" {
		return login{}, failure("Secret %s needs the keys username and password: one of them is missing", arn)
	}
	return login{user, secret.New(password)}, nil
}
