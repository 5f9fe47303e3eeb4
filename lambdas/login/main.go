// Command login keeps Sluice's logins in the sources. provision invokes it with the requests in events/login, one for
// each login; it alone reads the secrets of admins, and it alone talks to a source.
package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

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
	// LAMBDA_TASK_ROOT is the folder of the binary and of what is deployed beside it.
	roots, wrongRoots := sourcelogin.Authorities(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "authorities"))
	if err := errors.Join(wrongSettings, wrongClient, wrongRoots); err != nil {
		return nil, err
	}
	return &handler{
		keeper: &sourcelogin.Keeper{Secrets: awsdbsecret.New(secretsmanager.NewFromConfig(cfg)), Roots: roots},
		log:    log.With("stage", s.Stage),
	}, nil
}
