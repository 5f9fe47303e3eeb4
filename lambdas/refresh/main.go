// Command refresh is what the tick starts, once every few minutes for each consumer, with the event in events/refresh.
// It looks how much life the consumer's lease has left, and starts a rotation when that is too little.
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

func main() { awslambda.Start("refresh", wire) }

// wire builds the handler from the environment. It makes no network call.
func wire(log *slog.Logger) (lambda.Handler, error) {
	s, wrongSettings := settings.LoadRefresh(os.LookupEnv)
	cfg, wrongClient := awsclient.Load(os.LookupEnv)
	if err := errors.Join(wrongSettings, wrongClient); err != nil {
		return nil, err
	}
	return &handler{
		refresher: &credentials.Refresher{
			Stage: s.Stage, Timings: s.Timings, Warehouses: s.Clusters,
			Keeper:   awssecret.New(secretsmanager.NewFromConfig(cfg)),
			Clusters: awsredshift.New(redshift.NewFromConfig(cfg)),
		},
		bus:     awsbus.New(eventbridge.NewFromConfig(cfg), s.Bus),
		log:     log,
		metrics: os.Stdout,
	}, nil
}
