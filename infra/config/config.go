// Package config reads the JSON document that configures one stage of Sluice.
//
// The document is read strictly: an unknown key, a value of the wrong type or a name that AWS would refuse is a
// problem, and all of them are reported together, each with its path and what to write instead.
package config

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Processor architectures of the functions, as Lambda names them.
const (
	ARM64 = "arm64"
	X8664 = "x86_64"

	host = "host" // in a document: whatever this machine has, for functions that the sandbox runs here
)

// A Stage is one deployment of Sluice: an account and region, the warehouses that it may mint logins for, the consumers
// that get them, and the federation of sources. It has consumers, or a federation, or both. What the document leaves out
// has its default here.
type Stage struct {
	Name         string               `json:"stage"`
	Account      string               `json:"account"`
	Region       string               `json:"region"`
	Architecture string               `json:"architecture,omitempty"` // ARM64 or X8664
	LogDays      int                  `json:"logRetentionDays,omitempty"`
	Timings      Timings              `json:"timings,omitempty"`
	Deployers    []string             `json:"deployers,omitempty"`   // ARNs, * for any run: who may change tags and policies of the secrets
	Key          string               `json:"kmsKey,omitempty"`      // ARN of a customer's key for the secrets; "" is AWS's own
	AlarmTopics  []string             `json:"alarmTopics,omitempty"` // ARNs of SNS topics that hear of alarms, and of their end
	Warehouses   map[string]Warehouse `json:"warehouses,omitempty"`
	Consumers    map[string]Consumer  `json:"consumers,omitempty"`
	Federation   *Federation          `json:"federation,omitempty"` // nil: no source is made queryable
}

// Timings are [settings.Timings] as the document spells them: durations such as "60m".
type Timings struct {
	Lifetime    time.Duration `json:"lifetime,omitempty"`
	Tick        time.Duration `json:"tick,omitempty"`
	RotateBelow time.Duration `json:"rotateBelow,omitempty"`
}

// A Warehouse is a Redshift cluster with what may be minted for it.
type Warehouse struct {
	Cluster string   `json:"cluster"`
	Verify  string   `json:"verify,omitempty"`
	Network *Network `json:"network,omitempty"` // nil: the function runs outside any VPC
	Allow   Allow    `json:"allow"`
}

// A Network is where the rotation function of a warehouse runs. The VPC is that of the subnets. It needs a way to
// the cluster and to the APIs of Secrets Manager, Redshift and EventBridge: VPC endpoints or NAT.
type Network struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
}

// An Allow is a [warehouse.Allowance] with the principals that consumers may name as readers.
type Allow struct {
	Databases  []string `json:"databases"`
	Users      []string `json:"users"`
	Groups     []string `json:"groups,omitempty"`
	AutoCreate bool     `json:"autoCreate,omitempty"`
	Readers    []string `json:"readers,omitempty"` // ARNs of roles or users
}

// A Consumer is an application that reads a temporary login from its own secret.
type Consumer struct {
	Warehouse  string   `json:"warehouse"`
	Database   string   `json:"database"`
	User       string   `json:"user"`
	Groups     []string `json:"groups,omitempty"`
	AutoCreate bool     `json:"autoCreate,omitempty"`
	Readers    []string `json:"readers,omitempty"` // ARNs of roles or users that its secret lets read
}

// defaults is the stage that a document changes.
func defaults() Stage {
	return Stage{Architecture: ARM64, LogDays: 30, Timings: Timings(settings.DefaultTimings())}
}

// complete fills in defaults that lie below names, and what this machine decides.
func (s *Stage) complete() {
	if s.Architecture == host {
		s.Architecture = strings.Replace(runtime.GOARCH, "amd64", X8664, 1)
	}
	for name, w := range s.Warehouses {
		if w.Verify == "" {
			w.Verify = warehouse.VerifyLogin
			s.Warehouses[name] = w
		}
	}
}

// cdkDeployer is the role that CloudFormation takes on for stacks of the CDK's command line.
//
// Source: AWS CDK Developer Guide, "Bootstrapping" (qualifier hnb659fds).
func (s Stage) cdkDeployer() string {
	return "arn:" + s.Place().Partition + ":iam::" + s.Account + ":role/cdk-hnb659fds-cfn-exec-role-" + s.Account + "-" + s.Region
}

// Place is where the stage and its clusters are.
func (s Stage) Place() warehouse.Place { return warehouse.PlaceIn(s.Account, s.Region) }

// Bus is the name of the stage's own event bus.
func (s Stage) Bus() string { return "sluice-" + s.Name }

// ConsumerNames are the names of all consumers, sorted.
func (s Stage) ConsumerNames() []string { return slices.Sorted(maps.Keys(s.Consumers)) }

// ConsumersOf are the names of the consumers of one warehouse, sorted.
func (s Stage) ConsumersOf(warehouse string) []string {
	return slices.DeleteFunc(s.ConsumerNames(), func(c string) bool { return s.Consumers[c].Warehouse != warehouse })
}

// WarehousesInUse are the names of the warehouses that have a consumer, sorted. The others get nothing deployed.
func (s Stage) WarehousesInUse() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.Warehouses)), func(w string) bool { return len(s.ConsumersOf(w)) == 0 })
}

// SecretName is the name of a consumer's secret.
func (s Stage) SecretName(consumer string) string {
	return "sluice/" + s.Name + "/" + s.Consumers[consumer].Warehouse + "/" + consumer
}

// Consumer is what the tags of a consumer's secret say.
func (s Stage) Consumer(name string) settings.Consumer {
	c := s.Consumers[name]
	return settings.Consumer{
		Stage: s.Name, Name: name, Warehouse: c.Warehouse, API: settings.GetClusterCredentials,
		Login: c.login(),
	}
}

// Rotate is what the rotation function of one warehouse is told.
func (s Stage) Rotate(name string) settings.Rotate {
	return settings.Rotate{Stage: s.Name, Bus: s.Bus(), Warehouse: s.Warehouses[name].declared(name), Timings: settings.Timings(s.Timings)}
}

// Refresh is what the tick's function is told.
func (s Stage) Refresh() settings.Refresh {
	clusters := make(map[string]string)
	for _, name := range s.WarehousesInUse() {
		clusters[name] = s.Warehouses[name].Cluster
	}
	return settings.Refresh{Stage: s.Name, Bus: s.Bus(), Clusters: clusters, Timings: settings.Timings(s.Timings)}
}

func (w Warehouse) declared(name string) warehouse.Warehouse {
	return warehouse.Warehouse{Name: name, Cluster: w.Cluster, Verify: w.Verify, Allow: warehouse.Allowance{
		Databases: w.Allow.Databases, Users: w.Allow.Users, Groups: w.Allow.Groups, AutoCreate: w.Allow.AutoCreate,
	}}
}

func (c Consumer) login() warehouse.Login {
	return warehouse.Login{Database: c.Database, User: c.User, Groups: c.Groups, AutoCreate: c.AutoCreate}
}
