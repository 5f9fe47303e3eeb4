// Package world starts the whole sandbox: the AWS endpoint with its services, a warehouse on a real PostgreSQL, people
// who may use them, and what a synthesized assembly deploys.
package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
	"github.com/sluicehq/sluice/infra/sandbox/dynamodb"
	"github.com/sluicehq/sluice/infra/sandbox/ec2"
	"github.com/sluicehq/sluice/infra/sandbox/federated"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/kms"
	"github.com/sluicehq/sluice/infra/sandbox/lambda"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/rds"
	"github.com/sluicehq/sluice/infra/sandbox/redshift"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftdata"
	"github.com/sluicehq/sluice/infra/sandbox/redshiftserverless"
	"github.com/sluicehq/sluice/infra/sandbox/secretsmanager"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/sqs"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/warehouse"
	"github.com/sluicehq/sluice/shared/secret"
)

// Config says how a world is started.
type Config struct {
	Assembly string // folder that cdk synth wrote; empty deploys nothing
	Port     int    // of the AWS endpoint, the cluster and the workgroup have the next two; 0 takes free ones
	State    string // folder for the certificate and the logs; it is made where it is missing
	// NodeModules is the folder in which npm has put dynalite, and may have put PostgreSQL for machines that have none.
	NodeModules string
	// Sources adds the ready-made source, and lets changes of IAM be seen late.
	Sources bool
	Log     *slog.Logger // takes logins that the warehouse refuses; nil takes none
}

// A World is a running sandbox. Its parts are open to tests, which may do what no AWS API can, such as changing the
// certificate of the warehouse.
type World struct {
	AWS        *awshttp.Server
	Clock      *clock.Clock
	Warehouse  *warehouse.Endpoint  // of the cluster
	Workgroup  *warehouse.Endpoint  // of the workgroup, on the same databases
	Authority  *warehouse.Authority // which signs the certificates of both
	Redshift   *redshift.Service
	Serverless *redshiftserverless.Service
	Data       *redshiftdata.Service // runs SQL
	Identity   *identity.Store
	Instance   *credentialsource.Instance   // metadata of an EC2 instance, at first without a role
	Containers *credentialsource.Containers // credentials of tasks and pods
	Portal     *credentialsource.Portal     // credentials of people who have signed in
	Lambda     *lambda.Service
	SQS        *sqs.Service
	Sources    *source.Service // the source databases; [World.AddSource] adds one with its instance and group
	RDS        *rds.Service
	EC2        *ec2.Service
	DynamoDB   *dynamodb.Service
	KMS        *kms.Service
	Secrets    *secretsmanager.Service
	Deployer   *template.Deployer
	Operator   identity.Credentials // of the IAM user operator, who may do everything

	config   Config
	listener net.Listener
	started  time.Time
	minted   minted
	database *postgres.Server // behind the warehouse
	schemas  atomic.Pointer[federated.Schemas]
	// network reports whether a cluster reaches a host; nil is a world without sources.
	network func(cluster, host string, port int) bool
	closers []func() error // in the order of starting
	close   func() error
}

// Start starts a world and deploys the assembly. ctx bounds the start; after that the world runs until [World.Close].
// If something fails, what was started is stopped again.
func Start(ctx context.Context, c Config) (*World, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, end)()
	ticking, stopClock := context.WithCancel(life)
	w := &World{config: c, Clock: clock.New(ticking)}
	w.started = w.Clock.Now()
	w.close = sync.OnceValue(func() error {
		defer end()
		stopClock() // nothing new begins while the rest ends
		return w.shutdown()
	})
	if err := w.start(ctx, life); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) start(ctx, life context.Context) error {
	if err := os.MkdirAll(w.logs(), 0o755); err != nil {
		return fmt.Errorf("make the sandbox's folder: %w", err)
	}
	if err := w.listen(life); err != nil {
		return err
	}
	if err := w.openWarehouse(ctx, life); err != nil {
		return err
	}
	w.openSources(life)
	if err := w.openAWS(ctx); err != nil {
		return err
	}
	if w.config.Sources {
		if err := w.addOrders(ctx); err != nil {
			return err
		}
	}
	if w.config.Assembly != "" {
		if err := w.Deploy(ctx, w.config.Assembly); err != nil {
			return err
		}
	}
	if w.config.Sources {
		w.Identity.SetDelay(IAMDelay) // of what comes now; the deployment's own roles have settled
	}
	return nil
}

// Deploy deploys what cdk synth wrote into folder, and makes of an earlier deployment what it says now.
func (w *World) Deploy(ctx context.Context, folder string) error {
	a, err := template.Load(folder)
	if err != nil {
		return err
	}
	if err := w.Deployer.Deploy(ctx, a); err != nil {
		return fmt.Errorf("deploy %s: %w", folder, err)
	}
	return nil
}

// Close stops everything, what was started last first, and waits for its end. Closing twice does nothing more.
func (w *World) Close() error { return w.close() }

func (w *World) onClose(closer func() error) { w.closers = append(w.closers, closer) }

func (w *World) shutdown() error {
	var problems []error
	for _, closer := range slices.Backward(w.closers) {
		problems = append(problems, closer())
	}
	return errors.Join(problems...)
}

// listen takes the port of the AWS endpoint, so that functions can be told of it. Until the services are there,
// clients wait.
func (w *World) listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(w.config.Port))
	if err != nil {
		return portError(w.config.Port, err)
	}
	w.listener = listener
	w.onClose(func() error { _ = listener.Close(); return nil }) // the server may have closed it
	return nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// A PortError says that another program has a port that the sandbox needs.
type PortError struct {
	Port int
	Err  error
}

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d is taken by another program, perhaps by another sandbox; stop that, or choose another port with SANDBOX_PORT (the sandbox takes it and the next two)", e.Port)
}

func (e *PortError) Unwrap() error { return e.Err }

// portError recognises the commonest reason why the sandbox does not start.
func portError(port int, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortError{port, err}
	}
	return fmt.Errorf("start the sandbox: %w", err)
}

// Endpoint is the value of AWS_ENDPOINT_URL.
func (w *World) Endpoint() string { return "http://" + w.listener.Addr().String() }

// Control returns a client of the control interface.
func (w *World) Control() *control.Client { return control.NewClient(w.Endpoint()) }

// Minted returns every password that any API gave out for a warehouse, so that a test can search all output for them. Nothing
// else in the sandbox keeps them.
func (w *World) Minted() []secret.Value { return w.minted.all() }

func (w *World) logs() string { return filepath.Join(w.config.State, "logs") }

// certificate is the file that clients of the warehouse trust.
func (w *World) certificate() string { return filepath.Join(w.config.State, "ca.pem") }
