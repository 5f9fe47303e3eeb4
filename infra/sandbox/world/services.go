package world

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/dynamodb"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/kms"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
	"github.com/sluicehq/sluice/infra/sandbox/redshift"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftserverless"
	"github.com/sluicehq/sluice/infra/sandbox/scheduler"
	"github.com/sluicehq/sluice/infra/sandbox/secretsmanager"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

// headerTimeout is for the first bytes of a request.
const headerTimeout = 10 * time.Second

// openAWS makes the services, ties them together and serves them.
func (w *World) openAWS(ctx context.Context) error {
	authority, err := w.authority()
	if err != nil {
		return err
	}
	people := identity.New(w.Clock)
	w.Identity = people
	w.Instance, w.Containers = credentialsource.NewInstance(w.Clock, people), credentialsource.NewContainers(w.Clock, people)
	w.Portal = credentialsource.NewPortal(w.Clock, people)
	w.Operator = people.AddUser(operator, map[string]string{"administrator": administrator})
	w.AWS = awshttp.New(awshttp.Config{Clock: w.Clock, Caller: people, Authorizer: people,
		Kill: func(p awshttp.Principal) { w.Lambda.Kill(p) }})

	logs := newLogFiles(w.logs())
	w.onClose(logs.close)
	w.SQS = sqs.New(sqs.Config{Clock: w.Clock, Authorizer: people, Endpoint: w.Endpoint()})
	w.Lambda = lambda.New(lambda.Config{
		Clock: w.Clock, Authorizer: people, Roles: people, Queues: w.SQS, API: w.AWS, Endpoint: w.Endpoint(), Logs: logs.writer,
		Extra: map[string]string{"SSL_CERT_FILE": authority}, // plays the operating system's store
	})
	w.onClose(func() error { w.Lambda.Close(); return nil })
	w.Redshift = redshift.New(w.Clock)
	w.Redshift.SetRoles(people)
	if err := w.Redshift.AddCluster(redshift.Cluster{Identifier: Cluster, Endpoint: mint{w.Warehouse, &w.minted}, Database: Database, MasterUsername: Master, VPC: VPC}); err != nil {
		return err
	}
	w.Serverless = redshiftserverless.New(w.Clock)
	if err := w.Serverless.AddWorkgroup(redshiftserverless.Workgroup{Name: Workgroup, Namespace: Namespace, Endpoint: mint{w.Workgroup, &w.minted}}); err != nil {
		return err
	}
	buses := eventbridge.New(eventbridge.Config{Clock: w.Clock, Invoker: w.Lambda, Queues: w.SQS})
	w.KMS = kms.New(kms.Config{Clock: w.Clock, Authorizer: people})
	w.Secrets = secretsmanager.New(secretsmanager.Config{
		Clock: w.Clock, Invoke: w.Lambda, DryRun: w.Lambda.MayInvoke, Publish: announcer{buses}, Keys: w.KMS,
	})
	schedules := scheduler.New(scheduler.Config{Clock: w.Clock, Invoker: w.Lambda, Queues: w.SQS, Roles: people})
	w.DynamoDB = dynamodb.New(dynamodb.Config{Clock: w.Clock, NodeModules: w.config.NodeModules})
	w.onClose(w.DynamoDB.Close)
	if err := w.openData(); err != nil {
		return err
	}
	if err := w.openNetwork(buses); err != nil {
		return err
	}
	w.AWS.Register(people.Services()...)
	w.AWS.Register(w.Portal.AWS())
	w.AWS.Register(w.DynamoDB.AWS(), w.KMS.AWS(), w.SQS.AWS())
	w.AWS.Register(w.Lambda.AWS(), w.Redshift.AWS(), w.Serverless.AWS(), w.Data.AWS(), buses.AWS(), w.Secrets.AWS(), schedules.AWS())
	w.Deployer = template.New(template.Config{API: w.AWS, Principal: deployment()})
	if err := w.addRoles(ctx); err != nil {
		return err
	}
	w.serve(buses)
	return nil
}

// serve answers AWS's requests and, beside them, those for credentials and those of the control interface.
func (w *World) serve(buses *eventbridge.Service) {
	mux := http.NewServeMux()
	mux.Handle("/", w.AWS)
	mux.Handle(credentialsource.InstancePath, w.Instance)
	mux.Handle(credentialsource.TaskPath, w.Containers)
	mux.Handle(credentialsource.PodPath, w.Containers)
	mux.Handle(control.Prefix, control.Handler(control.Sandbox{
		Clock: w.Clock, Faults: w.AWS.Faults(), Calls: w.AWS.Calls(), World: w.describe, Deployer: w.Deployer,
		Logs: w.Lambda.Logs, SetStatus: w.Redshift.SetStatus, Sources: w.Sources, Queue: w.messages,
		Events: func(bus string) []control.Event { return eventsOf(buses, bus) },
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	done := make(chan error, 1)
	go func() { done <- server.Serve(w.listener) }()
	w.onClose(func() error {
		_ = server.Close() // who still waits for an answer gets none
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve AWS: %w", err)
		}
		return nil
	})
}

// messages lists the messages of a queue as the control interface shows them.
func (w *World) messages(queue string) ([]control.Message, error) {
	all := w.SQS.Messages(queue)
	if all == nil {
		return nil, fmt.Errorf("there is no queue %q", queue)
	}
	shown := []control.Message{}
	for _, m := range all {
		shown = append(shown, control.Message{ID: m.ID, Body: m.Body, Received: m.Receives})
	}
	return shown, nil
}

// An announcer puts what services tell on the default bus.
type announcer struct{ buses *eventbridge.Service }

func (a announcer) Publish(ctx context.Context, source, detailType string, detail []byte) {
	// The services write their events themselves: none is malformed.
	_ = a.buses.Publish(ctx, eventbridge.ServiceEvent{Source: source, DetailType: detailType, Detail: detail})
}

// eventsOf lists the events of one bus as the control interface shows them.
func eventsOf(buses *eventbridge.Service, bus string) (all []control.Event) {
	bus = cmp.Or(bus, "default")
	for _, e := range buses.Events(bus) {
		text, err := json.Marshal(e)
		if err != nil {
			panic(fmt.Sprintf("encode event %s: %v", e.ID, err)) // it came as JSON
		}
		all = append(all, control.Event{Bus: bus, Event: text})
	}
	return all
}
