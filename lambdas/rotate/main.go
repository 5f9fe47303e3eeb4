// Command rotate is the rotation function of the consumer secrets of one warehouse. Secrets Manager invokes it with
// the events in events/rotate, once for each of the four steps; it puts a new temporary login into the secret.
package main

import (
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awsbus"
	"github.com/sluicehq/sluice/shared/aws/awsclient"
	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/aws/awsredshift"
	"github.com/sluicehq/sluice/shared/aws/awssecret"
	"github.com/sluicehq/sluice/shared/credentials"
	"github.com/sluicehq/sluice/shared/settings"
)

func main() { awslambda.Start("rotate", wire) }

// wire builds the handler from the environment. It makes no network call.
func wire(log *slog.Logger) (lambda.Handler, error) {
	s, wrongSettings := settings.LoadRotate(os.LookupEnv)
	cfg, wrongClient := awsclient.Load(os.LookupEnv)
	if err := errors.Join(wrongSettings, wrongClient); err != nil {
		return nil, err
	}
	return &handler{
		rotator: &credentials.Rotator{
			Stage: s.Stage, Warehouse: s.Warehouse, Lifetime: s.Timings.Lifetime, MinLife: s.Timings.Urgent(),
			Vault:  awssecret.New(secretsmanager.NewFromConfig(cfg)),
			Minter: awsredshift.New(redshift.NewFromConfig(cfg)),
			Prober: credentials.LoginProber{},
		},
		bus: awsbus.New(eventbridge.NewFromConfig(cfg), s.Bus),
		log: log,
	}, nil
}
