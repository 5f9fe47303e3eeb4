package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/aws/awsrds"
	"github.com/sluicehq/sluice/shared/aws/awsredshift"
	"github.com/sluicehq/sluice/shared/aws/awsstate"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

// defaultConfig is the configuration that is read when none is named.
func defaultConfig() string {
	return cmp.Or(os.Getenv("SLUICE_CONFIG"), "infra/config/example.json")
}

// A session is one command with what it works on.
type session struct {
	in     io.Reader
	out    io.Writer
	config string // file of the stage's configuration
	json   bool
	dry    bool
}

// deployed is what the stage's provision function was told. The names of queues, bus and table follow from the stage.
func (s *session) deployed() (settings.Provision, error) {
	stage, err := config.Read(s.config)
	if err != nil {
		return settings.Provision{}, fmt.Errorf("%s is not right:\n%w", s.config, err)
	}
	if stage.Federation == nil {
		return settings.Provision{}, fmt.Errorf("%s has no federation; add that section, and deploy", s.config)
	}
	return stage.Provision(), nil
}

// aws is the client configuration of whoever runs the command, for the stage's region.
func (s *session) aws(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region))
	if err != nil {
		return aws.Config{}, fmt.Errorf("find AWS credentials: %w; log in as you do for the AWS CLI", err)
	}
	return cfg, nil
}

// open is the stage and a client configuration for it.
func (s *session) open(ctx context.Context) (settings.Provision, aws.Config, error) {
	p, err := s.deployed()
	if err != nil {
		return p, aws.Config{}, err
	}
	cfg, err := s.aws(ctx, p.Region)
	return p, cfg, err
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
			Databases: awsrds.New(rds.NewFromConfig(cfg)), Clusters: awsredshift.NewAttacher(redshift.NewFromConfig(cfg)),
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

// document reads a wanted document from a file, or from standard input. It may also be a whole event.
func (s *session) document(name string) ([]byte, federation.Wanted, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(s.in)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, federation.Wanted{}, fmt.Errorf("read the document: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, federation.Wanted{}, errors.New("read the document: it is empty")
	}
	if detail, ok := detailOf(text); ok {
		text = detail
	}
	w, err := federation.Decode(text)
	return text, w, err
}
