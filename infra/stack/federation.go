package stack

import (
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"

	"github.com/sluicehq/sluice/infra/access"
)

// Timeouts of the federation job's functions. provision polls a statement for ten seconds at most and leaves every other wait to
// a message; login logs in to one source.
const (
	provisionTimeout = 60 * time.Second
	loginTimeout     = 30 * time.Second
)

// provisionMemory in MB. The share of a processor grows with it, and provision starts eleven clients.
const provisionMemory = 256

// noAuthorities is the warning of a stage whose function login could verify no certificate of RDS.
const noAuthorities = "login has no certificate authorities of RDS, so it can log in to no source there. " +
	"Put them into infra/authorities as a .pem file and run make build again; infra/OPERATING.md says where they are"

// addFederation adds what makes sources queryable: state, queue, rules, sweep, both functions, and the policy that bounds the
// roles which they make.
func (b *builder) addFederation(group awsscheduler.CfnScheduleGroup) {
	s := b.Config
	table, boundary, w := newTable(b.stack, "Table", s.Table()), newBoundary(b.stack, "Boundary", s), newWork(b.stack, "Work", s)
	w.takeFrom(newRules(b.stack, "Rules", b.bus, w.queue)...)
	newSweep(b.stack, "Sweep", group, w.queue, s)
	letRequest(b.stack, b.bus, s)

	login := newFunction(b.stack, "Login", functionProps{
		Name: s.LoginFunction(), Description: "Sluice: keeps one login in one source",
		Code: b.asset("login"), Architecture: s.Architecture,
		Env: s.Login().Env(), Timeout: loginTimeout, Network: s.Federation.Network,
		LogGroup: "/sluice/" + s.Name + "/login", LogDays: s.LogDays,
		Access: func(logs string) []access.Statement { return access.Login(s, logs) },
	})

	if found, _ := filepath.Glob(filepath.Join(b.asset("login"), "authorities", "*.pem")); len(found) == 0 && !b.Sandbox {
		awscdk.Annotations_Of(login).AddWarningV2(new("sluice:authorities"), new(noAuthorities))
	}

	settings := s.Provision() // with what the deployment calls it, so that the function waits for all of it
	settings.Table, settings.Queue, settings.DeadLetters = *table.Ref(), *w.queue.Ref(), *w.dead.Ref()
	settings.Login, settings.Boundary = *login.Ref(), *boundary.Ref()
	provision := newFunction(b.stack, "Provision", functionProps{
		Name: s.ProvisionFunction(), Description: "Sluice: reconciles federations",
		Code: b.asset("provision"), Architecture: s.Architecture,
		Env: settings.Env(), Timeout: provisionTimeout, Memory: provisionMemory,
		LogGroup: "/sluice/" + s.Name + "/provision", LogDays: s.LogDays,
		Access: func(logs string) []access.Statement {
			return access.Provision(s, access.Federation{
				Work: *w.queue.AttrArn(), Dead: *w.dead.AttrArn(), Table: *table.AttrArn(), Login: *login.AttrArn(),
				Boundary: *boundary.Ref(), Bus: *b.bus.AttrArn(), Logs: logs,
			})
		},
	})
	w.start(provision)

	for _, output := range []struct {
		name, what string
		value      *string
	}{
		{"BusName", "where to send Source Requested and Source Withdrawn", b.bus.Ref()},
		{"QueueUrl", "messages of the federation job", w.queue.Ref()},
		{"DeadLettersUrl", "messages that cannot succeed", w.dead.Ref()},
		{"TableName", "state of the federations", table.Ref()},
		{"ProvisionName", "function that reconciles federations", provision.Ref()},
		{"LoginName", "function that keeps logins in sources", login.Ref()},
		{"BoundaryArn", "policy that bounds the roles of federations", boundary.Ref()},
	} {
		awscdk.NewCfnOutput(b.stack, &output.name, &awscdk.CfnOutputProps{Description: &output.what, Value: output.value})
	}
}
