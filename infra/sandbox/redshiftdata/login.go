package redshiftdata

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/secret"
)

// An API performs operations of AWS as somebody. [awshttp.Server] is one.
type API interface {
	Do(ctx context.Context, p awshttp.Principal, service, operation string, input any) (map[string]any, error)
}

// A login is how a statement gets its session.
type login struct {
	user      string
	secretARN string       // empty for a temporary login
	password  secret.Value // of the secret; the cluster checks it when the statement runs
}

// logIn reads the secret that a request names, as the caller; policies decide in Secrets Manager. Without one, the
// service makes a temporary login for the user that the request names.
func (s *Service) logIn(ctx context.Context, call *awshttp.Call, in submission) (login, error) {
	if in.SecretArn == "" {
		return login{user: in.DbUser}, nil
	}
	if s.api == nil || s.verify == nil {
		return login{}, &awshttp.Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException",
			Message: "this sandbox does not have logins of the Data API by SecretArn; give DbUser"}
	}
	out, err := s.api.Do(ctx, call.Principal, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": in.SecretArn})
	if e, ok := errors.AsType[*awshttp.Error](err); ok && e.Code == "ResourceNotFoundException" {
		return login{}, invalid("Secret %s cannot be found.", in.SecretArn)
	}
	if err != nil {
		return login{}, err
	}
	text, _ := out["SecretString"].(string)
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil { // which would quote the value
		return login{}, invalid("Secret %s is not a JSON object.", in.SecretArn)
	}
	user, _ := value["username"].(string)
	password, _ := value["password"].(string)
	if user == "" || password == "" {
		return login{}, invalid("Secret %s needs the keys username and password.", in.SecretArn)
	}
	if cluster, named := value["dbClusterIdentifier"].(string); named && cluster != in.ClusterIdentifier {
		return login{}, invalid("The cluster identifier of the secret does not match %s.", in.ClusterIdentifier)
	}
	return login{user, in.SecretArn, secret.New(password)}, nil
}
