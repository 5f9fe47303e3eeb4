// Package stack is a stage of Sluice as a CloudFormation stack, one construct a file.
//
// Its resources are CDK's plain images of CloudFormation's: the higher constructs would widen permissions, invent
// values for secrets and block their deletion.
package stack

import (
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/fault"
)

// Props is what a stack is made from.
type Props struct {
	Config  config.Stage
	Assets  string // folder with <architecture>/<function>/bootstrap, as make build leaves it
	Sandbox bool   // the sandbox deploys it, whose sources and functions trust an authority of its own
}

// Timeouts of the functions. Each of the four steps of a rotation is one invocation; a tick lasts through one
// RotateSecret, which answers before the steps are done.
const (
	rotateTimeout  = 30 * time.Second
	refreshTimeout = 60 * time.Second
)

// New adds the stack of a stage to scope. Its error is a [fault.Problems]: binaries that are not built, and policies
// that AWS would refuse for their size.
func New(scope constructs.Construct, id string, p Props) (awscdk.Stack, error) {
	if problems := append(access.Problems(p.Config), p.missingAssets()...); len(problems) > 0 {
		return nil, problems
	}
	this := awscdk.NewStack(scope, &id, &awscdk.StackProps{
		Description: new("Sluice: federated sources and fresh temporary logins for Redshift, stage " + p.Config.Name),
		Env:         &awscdk.Environment{Account: &p.Config.Account, Region: &p.Config.Region},
		// The command line checks the version of the bootstrap stack; a rule in the template would need a parameter.
		Synthesizer: awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{GenerateBootstrapVersionRule: new(false)}),
	})
	b := builder{Props: p, stack: this, bus: newBus(this, p.Config.Bus())}
	b.addConsumers()
	for _, warehouse := range p.Config.WarehousesInUse() {
		b.addWarehouse(warehouse)
	}
	schedules := constructs.NewConstruct(this, new("Tick")) // with the id that the group has always had: its name is taken by then
	group := newGroup(schedules, p.Config)
	if len(p.Config.Consumers) > 0 {
		b.addTicks(schedules, group)
	}
	if p.Config.Federation != nil {
		b.addFederation(group)
	}
	return this, nil
}

func (p Props) asset(function string) string {
	return filepath.Join(p.Assets, p.Config.Architecture, function)
}

// functions are those that the stage deploys.
func (p Props) functions() []string {
	var names []string
	if len(p.Config.Consumers) > 0 {
		names = append(names, "refresh", "rotate")
	}
	if p.Config.Federation != nil {
		names = append(names, "login", "provision")
	}
	return names
}

func (p Props) missingAssets() fault.Problems {
	var problems fault.Problems
	for _, function := range p.functions() {
		binary := filepath.Join(p.asset(function), "bootstrap")
		if _, err := os.Stat(binary); err != nil {
			problems = append(problems, fault.Problem{Where: binary, What: "is not there", Fix: "run make build"})
		}
	}
	return problems
}

// A builder adds the parts of one stack and remembers what later parts refer to.
type builder struct {
	Props
	stack     awscdk.Stack
	bus       awsevents.CfnEventBus
	consumers map[string]*consumer // by name
	secrets   map[string]string    // ARNs, by name of the consumer
	rotations []string             // ARNs of the rotation functions
}

func (b *builder) addConsumers() {
	b.consumers, b.secrets = make(map[string]*consumer), make(map[string]string)
	for _, name := range b.Config.ConsumerNames() {
		c := newConsumer(b.stack, name, b.Config)
		b.consumers[name], b.secrets[name] = c, *c.secret.Ref()
	}
}

// addWarehouse adds the rotation function of one warehouse, gives it to the warehouse's consumers, and an alarm.
func (b *builder) addWarehouse(name string) {
	s := b.Config
	rotate := newFunction(b.stack, "Rotate-"+name, functionProps{
		Description: "Sluice: takes the steps of rotation for consumers of warehouse " + name,
		Code:        b.asset("rotate"), Architecture: s.Architecture,
		Env: s.Rotate(name).Env(), Timeout: rotateTimeout, Network: s.Warehouses[name].Network,
		LogGroup: "/sluice/" + s.Name + "/rotate-" + name, LogDays: s.LogDays,
		Access: func(logs string) []access.Statement {
			return access.Rotate(s, name, access.Resources{Secrets: access.SecretsOf(s, name, b.secrets), Bus: *b.bus.AttrArn(), Logs: logs})
		},
	})
	b.rotations = append(b.rotations, *rotate.AttrArn())

	var shared awslambda.CfnPermission // for all secrets of the warehouse, where they are too many for one each
	if !access.Exact(s) {
		shared = newPermission(rotate, rotate, access.SecretPattern(s, name), s.Account)
	}
	for _, c := range s.ConsumersOf(name) {
		permission := shared
		if access.Exact(s) {
			permission = newPermission(b.consumers[c].scope, rotate, b.secrets[c], s.Account)
		}
		b.consumers[c].rotateWith(rotate, permission)
	}
	newAlarm(b.stack, "Alarm-"+name, name, s)
}

// addTicks adds the function that looks at leases, and the schedules that start it.
func (b *builder) addTicks(scope constructs.Construct, group awsscheduler.CfnScheduleGroup) {
	s := b.Config
	resources := access.Resources{Functions: b.rotations, Bus: *b.bus.AttrArn()}
	for _, name := range s.WarehousesInUse() {
		resources.Secrets = append(resources.Secrets, access.SecretsOf(s, name, b.secrets)...)
	}
	refresh := newFunction(b.stack, "Refresh", functionProps{
		Description: "Sluice: looks at one consumer's lease and starts a rotation when it is due",
		Code:        b.asset("refresh"), Architecture: s.Architecture,
		Env: s.Refresh().Env(), Timeout: refreshTimeout,
		LogGroup: "/sluice/" + s.Name + "/refresh", LogDays: s.LogDays,
		Access: func(logs string) []access.Statement {
			resources.Logs = logs
			return access.Refresh(s, resources)
		},
	})
	t := newTick(scope, group, refresh, s)
	for _, name := range s.ConsumerNames() {
		t.start(b.consumers[name])
	}
}
