package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
)

// The consumer that the demo follows, and the bus that it listens to, as infra/config/sandbox.json names them.
const (
	consumer   = "reporting"
	secretName = "sluice/sandbox/analytics/" + consumer
	busName    = "sluice-sandbox"
	tableName  = "sluice-sandbox"
	workQueue  = "sluice-sandbox-work"
	deadQueue  = "sluice-sandbox-dead"
)

// A demo is the stage on which the acts are played.
type demo struct {
	*narrator
	world   *world.World
	control *control.Client
	roots   *x509.CertPool

	aws      aws.Config // the operator's
	operator *secretsmanager.Client
	redshift *redshift.Client
	role     string // of the application, which may read one secret and do nothing else
	first    lease

	home  string   // of the application's own processes
	heard []string // what they printed

	provision string // name of the function
	wanted    wanted
	made      made   // of the federation
	note      string // that is in the source, and nowhere else
}

// open makes the clients of the people in the story.
//
// home is a folder for what belongs to the application's own processes.
func open(ctx context.Context, w *world.World, n *narrator, home string) (*demo, error) {
	d := &demo{narrator: n, world: w, control: w.Control(), home: home}
	about, err := d.control.World(ctx)
	if err != nil {
		return nil, err
	}
	deployed, err := d.control.Resources(ctx)
	if err != nil {
		return nil, err
	}
	if d.roots, err = authority(about.Authority); err != nil {
		return nil, err
	}
	operator := aws.Config{
		Region: about.Region, BaseEndpoint: &about.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(w.Operator.AccessKeyID, w.Operator.SecretAccessKey.Reveal(), ""),
	}
	d.aws, d.role = operator, about.Roles[0]
	d.operator, d.redshift = secretsmanager.NewFromConfig(operator), redshift.NewFromConfig(operator)
	if d.provision, err = function(deployed, "Provision"); err != nil {
		return nil, err
	}
	n.say("%d resources are deployed; the cluster %s listens at %s:%d with TLS", len(deployed.Resources), about.Cluster, about.Host, about.Port)
	return d, nil
}

// read is what the application finds in its secret now. It becomes the application anew each time: hours pass on the
// sandbox's clock, and a session of a role lasts one.
func (d *demo) read(ctx context.Context) (lease, error) {
	session, err := sts.NewFromConfig(d.aws).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &d.role, RoleSessionName: new("demo")})
	if err != nil {
		return lease{}, fmt.Errorf("become the application: %w", err)
	}
	c := d.aws.Copy()
	c.Credentials = credentials.NewStaticCredentialsProvider(*session.Credentials.AccessKeyId, *session.Credentials.SecretAccessKey, *session.Credentials.SessionToken)
	return readLease(ctx, secretsmanager.NewFromConfig(c), secretName)
}

// left is how much life l has on the sandbox's clock.
func (d *demo) left(l lease) time.Duration {
	return l.expiresAt.Sub(d.world.Clock.Now()).Round(time.Second)
}

// announced lists the details of the events of one kind that Sluice put on its bus about a consumer or a federation.
func (d *demo) announced(ctx context.Context, detailType, about string) ([]map[string]any, error) {
	all, err := d.control.Events(ctx, busName)
	if err != nil {
		return nil, err
	}
	var found []map[string]any
	for _, e := range all {
		var envelope struct {
			Source     string         `json:"source"`
			DetailType string         `json:"detail-type"`
			Detail     map[string]any `json:"detail"`
		}
		if err := json.Unmarshal(e.Event, &envelope); err != nil {
			return nil, fmt.Errorf("read an event of bus %s: %w", busName, err)
		}
		if envelope.Source == event.Source && envelope.DetailType == detailType && (envelope.Detail["consumer"] == about || envelope.Detail["name"] == about) {
			found = append(found, envelope.Detail)
		}
	}
	return found, nil
}

// outcomes lists what the ticks of the consumer did, as refresh logged it.
func (d *demo) outcomes(ctx context.Context) ([]string, error) {
	deployed, err := d.control.Resources(ctx)
	if err != nil {
		return nil, err
	}
	refresh, err := function(deployed, "Refresh")
	if err != nil {
		return nil, err
	}
	lines, err := d.control.Logs(ctx, refresh)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, line := range lines {
		var entry struct{ Consumer, Outcome, Reason string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Consumer == consumer && entry.Outcome != "" {
			found = append(found, strings.TrimSpace(entry.Outcome+" "+entry.Reason))
		}
	}
	return found, nil
}

// function is the name of the deployed function whose logical id begins with prefix.
func function(deployed control.Deployed, prefix string) (string, error) {
	i := slices.IndexFunc(deployed.Resources, func(r template.Resource) bool {
		return r.Type == "AWS::Lambda::Function" && strings.HasPrefix(r.LogicalID, prefix)
	})
	if i < 0 {
		return "", fmt.Errorf("the template has no function %s", prefix)
	}
	return deployed.Resources[i].PhysicalID, nil
}
