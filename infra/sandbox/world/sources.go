package world

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/ec2"
	"github.com/sluicehq/sluice/infra/sandbox/eventbridge"
	"github.com/sluicehq/sluice/infra/sandbox/postgres"
	"github.com/sluicehq/sluice/infra/sandbox/rds"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/shared/secret"
)

// The network that is there before any source: one VPC, and the group of the warehouse's cluster.
const (
	VPC          = "vpc-0a1b2c3d4e5f60718"
	ClusterGroup = "sg-0c1057e20000000001"
)

// openSources makes what holds the source databases. Their server starts with the first of them.
func (w *World) openSources(life context.Context) {
	w.Sources = source.New(life, source.Config{
		Authority: w.Authority, Clock: w.Clock, Log: w.config.Log, Kill: w.killLogins,
		Postgres: postgres.Config{NodeModules: w.config.NodeModules, Log: filepath.Join(w.logs(), "sources.log")},
	})
	w.onClose(w.Sources.Close)
}

// killLogins kills the processes of the functions that keep logins in sources: who else reads there is no function.
func (w *World) killLogins() {
	for _, r := range w.Deployer.Resources() {
		if r.Type == "AWS::Lambda::Function" && strings.HasSuffix(r.PhysicalID, "-login") {
			w.Lambda.KillAll(r.PhysicalID)
		}
	}
}

// openNetwork makes RDS and EC2 and gives the cluster its place in the network.
func (w *World) openNetwork(buses *eventbridge.Service) error {
	w.EC2 = ec2.New()
	if err := w.EC2.AddGroup(ec2.Group{ID: ClusterGroup, Name: Cluster, VPC: VPC}); err != nil {
		return err
	}
	if err := w.Redshift.SetSecurityGroups(Cluster, ClusterGroup); err != nil {
		return err
	}
	w.RDS = rds.New(rds.Config{Clock: w.Clock, Publish: resourceAnnouncer{buses}, Secrets: w.Secrets, StatusChanged: w.power})
	w.network = w.connected
	w.AWS.Register(w.RDS.AWS(), w.EC2.AWS())
	return nil
}

// power stops and starts the database of an instance with it.
func (w *World) power(identifier, status string) {
	s, err := w.Sources.Find(identifier)
	if err != nil {
		return // an instance that tests added without a database
	}
	if status == rds.Available {
		s.Start()
	} else if status == rds.Stopped {
		s.Stop()
	}
}

// connected reports whether a cluster's groups are let in by those of the instance that has the endpoint.
func (w *World) connected(cluster, host string, port int) bool {
	i, ok := w.RDS.At(host, port)
	return ok && w.EC2.Reachable(w.Redshift.SecurityGroups(cluster), i.SecurityGroups, port)
}

// SecretsService is Secrets Manager as endpoints name it.
const SecretsService = "com.amazonaws." + awshttp.DefaultRegion + ".secretsmanager"

// reachesSecrets reports whether a cluster has a way to Secrets Manager. With enhanced routing that is an interface endpoint of
// its VPC: no subnet of the sandbox has a route out.
func (w *World) reachesSecrets(cluster string) bool {
	vpc, enhanced := w.Redshift.Routing(cluster)
	return !enhanced || w.EC2.Serves(vpc, SecretsService)
}

// A Source describes a source to add: an RDS instance with its database behind it and a security group of its own.
type Source struct {
	Identifier string
	Database   string            // empty is the identifier with underscores for hyphens
	Master     string            // name of the master user; empty is that with _master
	Managed    bool              // RDS manages the master user's secret
	Tags       map[string]string // of the instance
	GroupTags  map[string]string // of the security group
	Open       bool              // the security group lets the cluster in from the beginning
	Status     string            // of the instance; empty is available
}

// Group is the name of the source's security group.
func (s Source) Group() string { return "sg-" + s.Identifier }

// AddSource adds a source, whose creation RDS announces. What it returns is the database behind the front.
func (w *World) AddSource(ctx context.Context, s Source) (*source.Source, error) {
	made, err := w.Sources.Add(ctx, source.Database{Identifier: s.Identifier, Name: s.Database, Master: s.Master})
	if err != nil {
		return nil, err
	}
	group := ec2.Group{ID: s.Group(), VPC: VPC, Tags: s.GroupTags}
	if s.Open {
		group.Rules = []ec2.Rule{{Protocol: "tcp", From: made.Port(), To: made.Port(), Source: ClusterGroup}}
	}
	if err := w.EC2.AddGroup(group); err != nil {
		return nil, err
	}
	i := rds.Instance{
		Identifier: s.Identifier, Address: source.Host, Port: made.Port(), Database: made.Database(), Master: made.Master(), Status: s.Status,
		VPC: VPC, SecurityGroups: []string{s.Group()}, Tags: s.Tags,
	}
	if s.Managed {
		i.MasterPassword = made.MasterPassword()
	}
	if err := w.RDS.AddInstance(ctx, i); err != nil {
		return nil, err
	}
	return made, nil
}

// RemoveSource deletes the instance, which RDS announces, and its database. The security group stays.
func (w *World) RemoveSource(ctx context.Context, identifier string) error {
	if err := w.RDS.RemoveInstance(ctx, identifier); err != nil {
		return err
	}
	return w.Sources.Remove(ctx, identifier)
}

// RotateMaster gives the master user of a source another password, in the database and in the secret that RDS manages.
func (w *World) RotateMaster(ctx context.Context, identifier string) error {
	s, err := w.Sources.Find(identifier)
	if err != nil {
		return err
	}
	password := secret.New(rand.Text())
	if err := s.SetMasterPassword(ctx, password); err != nil {
		return err
	}
	return w.RDS.SetMasterPassword(identifier, password)
}

// A resourceAnnouncer is an announcer of events that name resources.
type resourceAnnouncer struct{ buses *eventbridge.Service }

func (a resourceAnnouncer) Publish(ctx context.Context, source, detailType string, detail []byte, resources ...string) {
	// The services write their events themselves: none is malformed.
	_ = a.buses.Publish(ctx, eventbridge.ServiceEvent{Source: source, DetailType: detailType, Detail: detail, Resources: resources})
}
