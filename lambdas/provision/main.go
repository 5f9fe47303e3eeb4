// Command provision reconciles federations. The queue starts it with batches of the messages in events/federation: requests
// and withdrawals, events about RDS instances, the sweep, and the follow-ups that it sends itself.
package main

import (
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/sluicehq/sluice/shared/aws/awsbus"
	"github.com/sluicehq/sluice/shared/aws/awsclient"
	"github.com/sluicehq/sluice/shared/aws/awscluster"
	"github.com/sluicehq/sluice/shared/aws/awsdata"
	"github.com/sluicehq/sluice/shared/aws/awsiam"
	"github.com/sluicehq/sluice/shared/aws/awskms"
	"github.com/sluicehq/sluice/shared/aws/awslambda"
	"github.com/sluicehq/sluice/shared/aws/awslogin"
	"github.com/sluicehq/sluice/shared/aws/awsnetwork"
	"github.com/sluicehq/sluice/shared/aws/awsqueue"
	"github.com/sluicehq/sluice/shared/aws/awsrds"
	"github.com/sluicehq/sluice/shared/aws/awssourcesecret"
	"github.com/sluicehq/sluice/shared/aws/awsstate"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

func main() { awslambda.Start("provision", wire) }

// wire builds the handler from the environment. It makes no network call.
func wire(log *slog.Logger) (lambda.Handler, error) {
	s, wrongSettings := settings.LoadProvision(os.LookupEnv)
	cfg, wrongClient := awsclient.Load(os.LookupEnv)
	if err := errors.Join(wrongSettings, wrongClient); err != nil {
		return nil, err
	}
	log = log.With("stage", s.Stage)
	queue := awsqueue.New(sqs.NewFromConfig(cfg), s.Queue, s.DeadLetters)
	return &handler{
		reconciler: &federation.Reconciler{
			Config: federation.Configure(s),
			World: federation.World{
				Store:     awsstate.New(dynamodb.NewFromConfig(cfg), s.Table),
				Databases: awsrds.New(rds.NewFromConfig(cfg)),
				Clusters:  awscluster.New(redshift.NewFromConfig(cfg)),
				Network:   awsnetwork.New(ec2.NewFromConfig(cfg)),
				Secrets:   awssourcesecret.New(secretsmanager.NewFromConfig(cfg)),
				Keys:      awskms.New(kms.NewFromConfig(cfg)),
				Roles:     awsiam.New(iam.NewFromConfig(cfg)),
				SQL:       awsdata.New(redshiftdata.NewFromConfig(cfg)),
				Logins:    awslogin.New(cfg, s.Login),
				Queue:     queue,
				Bus:       awsbus.New(eventbridge.NewFromConfig(cfg), s.Bus),
			},
			Log: log,
		},
		dead: queue,
		log:  log,
	}, nil
}
