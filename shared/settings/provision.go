package settings

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Names of the environment variables of the federation job.
const (
	envAccount    = "SLUICE_ACCOUNT"
	envRegion     = "SLUICE_REGION"
	envTable      = "SLUICE_TABLE"
	envQueue      = "SLUICE_QUEUE"
	envDead       = "SLUICE_DEAD_LETTERS"
	envLogin      = "SLUICE_LOGIN_FUNCTION"
	envBoundary   = "SLUICE_BOUNDARY"
	envFederation = "SLUICE_FEDERATION"
)

// Tags of the federation job, beside [TagStage].
const (
	TagFederation = "sluice:federation" // on what Sluice made: for which federation
	TagSource     = "sluice:source"     // on a secret of somebody else: the id of the source that it serves
	TagIngress    = "sluice:ingress"    // on a security group of somebody else: Allow lets Sluice add rules to it
	Allow         = "allow"
)

// Policies of the roles by which a warehouse reads a secret.
const (
	PolicyDocumented = "documented" // what AWS documents
	PolicyStrict     = "strict"     // the reads on the one secret alone
)

// Recovery windows that Secrets Manager takes, in days. Source: AWS Secrets Manager API Reference, DeleteSecret.
const (
	MinRecoveryDays = 7
	MaxRecoveryDays = 30
)

// A Federation is what a deployment allows and wants of all federations.
type Federation struct {
	Warehouses   map[string]warehouse.Federating `json:"warehouses"`
	Hosts        []string                        `json:"hosts,omitempty"`        // host:port of sources that are not in RDS
	Policy       string                          `json:"policy,omitempty"`       // PolicyDocumented or PolicyStrict
	Key          string                          `json:"key,omitempty"`          // ARN of the KMS key of Sluice's own secrets; empty for AWS's own
	RecoveryDays int                             `json:"recoveryDays,omitempty"` // of Sluice's own secrets, once they are deleted
}

// Problems returns everything that is wrong with f. Where is the JSON path below it.
func (f Federation) Problems() fault.Problems {
	var problems fault.Problems
	for _, name := range slices.Sorted(maps.Keys(f.Warehouses)) {
		problems = append(problems, f.Warehouses[name].Problems().Under("warehouses."+name+".")...)
	}
	if f.Policy != PolicyDocumented && f.Policy != PolicyStrict {
		problems = append(problems, fault.Problem{Where: "policy", What: fmt.Sprintf("is %q", f.Policy), Fix: `write "documented" or "strict"`})
	}
	if f.RecoveryDays < MinRecoveryDays || f.RecoveryDays > MaxRecoveryDays {
		problems = append(problems, fault.Problem{Where: "recoveryDays", What: fmt.Sprintf("is %d", f.RecoveryDays), Fix: fmt.Sprintf("write %d to %d", MinRecoveryDays, MaxRecoveryDays)})
	}
	return problems
}

// Provision is what the function that reconciles federations is told.
type Provision struct {
	Stage       string
	Bus         string // name of Sluice's own event bus
	Account     string
	Region      string
	Table       string // name of the DynamoDB table with the state
	Queue       string // URL of its own queue
	DeadLetters string // URL of the queue of messages that cannot succeed
	Login       string // name of the login function
	Boundary    string // ARN of the permissions boundary of the roles that it makes
	Federation  Federation
}

// Place is where the deployment is.
func (p Provision) Place() warehouse.Place { return warehouse.PlaceIn(p.Account, p.Region) }

// Env is p as environment variables.
func (p Provision) Env() map[string]string {
	return map[string]string{
		envStage: p.Stage, envBus: p.Bus, envAccount: p.Account, envRegion: p.Region, envTable: p.Table, envQueue: p.Queue, envDead: p.DeadLetters,
		envLogin: p.Login, envBoundary: p.Boundary, envFederation: encode(p.Federation),
	}
}

// LoadProvision reads what [Provision.Env] wrote. Its error is a [fault.Problems] with all that is missing or wrong.
func LoadProvision(lookup func(string) (string, bool)) (Provision, error) {
	l := loader{lookup: lookup}
	p := Provision{
		Stage: l.text(envStage), Bus: l.text(envBus), Account: l.text(envAccount), Region: l.text(envRegion), Table: l.text(envTable),
		Queue: l.text(envQueue), DeadLetters: l.text(envDead), Login: l.text(envLogin), Boundary: l.text(envBoundary),
	}
	if l.json(envFederation, &p.Federation) {
		l.problems = append(l.problems, p.Federation.Problems().Under(envFederation+".")...)
	}
	return p, l.problems.Err()
}
