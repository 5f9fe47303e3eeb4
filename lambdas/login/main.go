// Command login keeps Sluice's logins in the sources. provision invokes it with the requests in events/login, one for
// each login; it alone reads the secrets of admins, and it alone talks to a source.
package main

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awsclient"
	"github.com/sluicehq/sluice/shared/aws/awsdbsecret"
	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/source/sourcelogin"
)

func main() { awslambda.Start("login", wire) }

// wire builds the handler from the environment. It makes no network call.
func wire(log *slog.Logger) (lambda.Handler, error) {
	s, wrongSettings := settings.LoadLogin(os.LookupEnv)
	cfg, wrongClient := awsclient.Load(os.LookupEnv)
	if err := errors.Join(wrongSettings, wrongClient); err != nil {
		return nil, err
	}
	// LAMBDA_TASK_ROOT is the folder of the binary and of what is deployed beside it.
	authorities := filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "authorities")
	roots := sync.OnceValues(func() (*x509.CertPool, error) { return sourcelogin.Authorities(authorities) })
	return &handler{
		keeper: &sourcelogin.Keeper{Secrets: awsdbsecret.New(secretsmanager.NewFromConfig(cfg)), Roots: roots},
		log:    log.With("stage", s.Stage),
	}, nil
}
