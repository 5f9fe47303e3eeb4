package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/aws/awscluster"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awsiam"
	"github.com/sluicehq/sluice/shared/aws/awskms"
	"github.com/sluicehq/sluice/shared/aws/awsnetwork"
	"github.com/sluicehq/sluice/shared/aws/awsrds"
	"github.com/sluicehq/sluice/shared/aws/awssourcesecret"
	"github.com/sluicehq/sluice/shared/aws/awsstate"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

// exampleConfig is read when nobody names a configuration, which its errors say.
const exampleConfig = "infra/config/example.json"

// defaultConfig is the configuration that is read when the command line names none.
func defaultConfig() string {
	return cmp.Or(os.Getenv("SLUICE_CONFIG"), exampleConfig)
}

// A session is one command with what it works on.
type session struct {
	in     io.Reader
	out    io.Writer
	config string // file of the stage's configuration
	stage  string // that it configures; empty before it is read
	json   bool
	dry    bool
	all    bool
	read   bool
	clock  clock
	began  time.Time // by clock
}

// deployed is what the stage's provision function was told. The names of queues, bus and table follow from the stage.
func (s *session) deployed() (settings.Provision, error) {
	stage, err := config.Read(s.config)
	if problems, ok := errors.AsType[fault.Problems](err); ok {
		return settings.Provision{}, &documentError{s.config, problems}
	}
	if err != nil {
		return settings.Provision{}, fmt.Errorf("%w; name the stage's configuration with -config or in SLUICE_CONFIG", err)
	}
	if stage.Federation == nil {
		return settings.Provision{}, fmt.Errorf("%s has no federation; add that section and deploy, or name another configuration with -config", s.config)
	}
	p := stage.Provision()
	s.stage = p.Stage
	return p, nil
}

// Why AWS cannot be asked.
const (
	credentialsMissing = "CredentialsMissing" // none are set up
	credentialsRefused = "CredentialsRefused" // those that are set up have expired or are wrong
)

const logIn = "log in as for the AWS CLI (aws sso login, AWS_PROFILE, or keys in the environment); for the sandbox: . build/sandbox.env"

// open is the stage, and a client configuration for it with the credentials of whoever runs the command. They must be of the
// stage's account: elsewhere everything would seem not to be deployed.
func (s *session) open(ctx context.Context) (settings.Provision, aws.Config, error) {
	p, err := s.deployed()
	if err != nil {
		return p, aws.Config{}, err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(p.Region))
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	if err != nil {
		return p, cfg, &fault.Error{Kind: fault.Blocked, Reason: credentialsMissing, Op: "find AWS credentials", Err: err, Fix: logIn}
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return p, cfg, unidentified(err)
	}
	if account := aws.ToString(out.Account); account != p.Account {
		return p, cfg, &fault.Error{Kind: fault.Blocked, Reason: federation.OtherAccount, Op: "check account", Subject: "stage " + p.Stage,
			Err: fmt.Errorf("the credentials are of account %s (%s), and %s configures account %s", account, aws.ToString(out.Arn), s.config, p.Account),
			Fix: "log in to account " + p.Account + ", or name another configuration with -config"}
	}
	return p, cfg, nil
}

// unidentified is why AWS did not say whose the credentials are. Everybody may ask for that.
func unidentified(err error) error {
	explained := awserror.Explain(err, "ask AWS whose the credentials are", "", nil)
	e, ok := errors.AsType[*fault.Error](explained)
	switch {
	case !ok:
		return explained
	case e.Reason == awserror.Unauthorized:
		e.Kind, e.Reason, e.Fix = fault.Blocked, credentialsRefused, logIn
	case e.Reason == awserror.Unavailable && os.Getenv("AWS_ENDPOINT_URL") != "":
		e.Kind, e.Fix = fault.Blocked, "start the sandbox with make sandbox and read its environment again, or unset AWS_ENDPOINT_URL"
	}
	return e
}

// store is the state of the stage's federations.
func store(p settings.Provision, cfg aws.Config) *awsstate.Store {
	return awsstate.New(dynamodb.NewFromConfig(cfg), p.Table)
}

// reconciler is one that only looks.
func reconciler(p settings.Provision, cfg aws.Config) *federation.Reconciler {
	return &federation.Reconciler{
		Config: federation.Configure(p),
		World: federation.World{
			Databases: awsrds.New(rds.NewFromConfig(cfg)), Clusters: awscluster.New(redshift.NewFromConfig(cfg)), Network: awsnetwork.New(ec2.NewFromConfig(cfg)),
			Secrets: awssourcesecret.New(secretsmanager.NewFromConfig(cfg)), Keys: awskms.New(kms.NewFromConfig(cfg)),
			Roles: awsiam.New(iam.NewFromConfig(cfg)),
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

// encode writes JSON.
func (s *session) encode(v any) error {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// document reads a wanted document from a file, or from standard input. It may also be a whole event that asks for it.
func (s *session) document(name string) ([]byte, federation.Wanted, error) {
	var text []byte
	var err error
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(s.in)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, federation.Wanted{}, fmt.Errorf("read the document: %w", err)
	}
	if text, err = detailOf(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))); err != nil {
		return nil, federation.Wanted{}, fmt.Errorf("%s %w", name, err)
	}
	w, err := federation.Decode(text)
	if err == nil { // a decoder stops at the document's end; the bus takes nothing behind it
		var all json.RawMessage
		if err = json.Unmarshal(text, &all); err != nil {
			err = fault.Problems{{Where: "document", What: "cannot be read: " + err.Error(), Fix: "write one JSON object, and nothing after it"}}
		}
	}
	if problems, ok := errors.AsType[fault.Problems](err); ok {
		err = &documentError{name, problems}
	}
	return text, w, err
}
