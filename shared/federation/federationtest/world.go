// Package federationtest is a small world for tests of what keeps federations: RDS instances with their logins, a cluster, security
// groups, secrets, keys, roles, a warehouse that reads external schemas, a table, a queue and a bus, all in memory. They keep
// their state and follow the services' rules, as far as the reconciler can tell. Everything has one clock, which moves only when
// a message is delivered or a test moves it. A world belongs to one goroutine: two runs at once are one that begins inside the other.
package federationtest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Start is when every world begins.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// What every world has.
const (
	Account  = "111122223333"
	Cluster  = "examplecluster"
	Instance = "orders-prod"
	Master   = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-orders-prod-AbCdEf" // that RDS manages for Instance
	Boundary = "arn:aws:iam::111122223333:policy/sluice-test-boundary"
	Sluice   = "sluice"                                 // Sluice's own user in the warehouse
	VPC      = "vpc-1"                                  // of the cluster
	Service  = "com.amazonaws.us-east-1.secretsmanager" // Secrets Manager, as endpoints name it

	mainDatabase = "dev" // of the warehouse
	clusterGroup = "sg-warehouse"
	sourceGroup  = "sg-orders-prod"
	masterUser   = "postgres"
	masterSecret = "EXAMPLE-password-master"
)

// A World is stage test of a deployment with one warehouse, analytics, and one source, orders-prod. Fields can be changed at any time.
type World struct {
	Config federation.Config
	Log    bytes.Buffer // of all reconcilers

	Instances map[string]*RDS
	Clusters  map[string]*Redshift
	Groups    map[string]map[string]string // tags of security groups
	Rules     []federation.Rule
	Endpoints map[string][]string // services for which a VPC has interface endpoints
	Secrets   map[string]*Secret  // by name
	Suffix    string              // of the ARNs of secrets to come; empty is AbCdEf
	Keys      map[string]federation.Key
	Roles     map[string]*Role
	Schemas   map[string]*Schema // by name, those of other databases than dev by database.name
	Records   map[string]federation.Record
	Listed    map[string]federation.RoleChange // roles that wait, by cluster
	Messages  []Message
	Dead      []Message // that cannot succeed
	Announced []Announcement

	IAMLag         time.Duration // until a change of IAM is seen by Redshift
	AttachTakes    time.Duration
	DetachTakes    time.Duration
	StatementTakes time.Duration
	// StatementFails gives the message of a statement that fails; "" lets it succeed or fail by itself.
	StatementFails func(purpose, sql string) string
	// Blind is Sluice's user without the right to see what was granted to others.
	Blind bool
	// Tells changes the options that the warehouse tells of an external schema, JSON; nil leaves them.
	Tells func(options string) string
	// LoginFails gives the error of login; nil lets it work.
	LoginFails func(source.Request) error
	// Uncovered is what login answers of owners for whom it cannot act.
	Uncovered []string

	Calls []Call
	// Before is called before each call, and may let other things happen.
	Before func(Call)
	// Trouble says what happens to the n-th call, from 1.
	Trouble func(n int, c Call) Trouble

	now        time.Time
	dead       bool
	runs       int
	passwords  int
	versions   int64
	tokens     map[string]string
	statements map[string]*statement
	running    []*statement // whose effect is still to come
	begun      int          // statements
}

// New makes a world with nothing federated.
func New() *World {
	w := &World{
		now: Start, IAMLag: 8 * time.Second, AttachTakes: 50 * time.Second, DetachTakes: 20 * time.Second,
		Instances: make(map[string]*RDS), Groups: make(map[string]map[string]string), Endpoints: make(map[string][]string), Secrets: make(map[string]*Secret),
		Keys: make(map[string]federation.Key), Roles: make(map[string]*Role), Schemas: make(map[string]*Schema),
		Records: make(map[string]federation.Record), Listed: make(map[string]federation.RoleChange),
		tokens: make(map[string]string), statements: make(map[string]*statement),
		Config: federation.Config{
			Namer: federation.Namer{Stage: "test", Place: warehouse.PlaceIn(Account, "us-east-1")},
			Warehouses: map[string]warehouse.Federating{"analytics": {
				Cluster: Cluster, Database: mainDatabase, User: Sluice, Sources: []string{"orders-*", "source-*"}, Grantees: []string{"group:*"},
			}},
			Boundary: Boundary, Profile: federation.Documented, RecoveryDays: 7, ClaimFor: 2 * time.Minute,
		},
	}
	w.Clusters = map[string]*Redshift{Cluster: NewCluster()}
	w.AddInstance(Instance, Master)
	return w
}

// Wanted is the document of the one federation, orders.
func Wanted() federation.Wanted {
	return federation.Wanted{
		Name: "orders", Warehouse: "analytics", Schema: "orders_live", GrantUsageTo: []warehouse.Grantee{"group:example_group"}, ManageIngress: true,
		Source: source.Source{Engine: source.Postgres, Instance: Instance, Database: "orders", Schema: "public"}, Isolation: federation.Dedicated,
	}
}

// Now is the time of the world.
func (w *World) Now() time.Time { return w.now }

// Advance moves the clock on.
func (w *World) Advance(d time.Duration) { w.wind(w.now.Add(d)) }

// wind sets the clock; what ends until then has happened.
func (w *World) wind(to time.Time) {
	w.now = to
	w.commit()
}

// Reconciler is one function of this world.
func (w *World) Reconciler() *federation.Reconciler {
	return &federation.Reconciler{
		Config: w.Config,
		World: federation.World{
			Store: store{w}, Databases: databases{w}, Clusters: clusters{w}, Network: network{w}, Secrets: secrets{w}, Keys: keys{w}, Roles: roles{w},
			SQL: sql{w}, Logins: logins{w}, Queue: queue{w}, Bus: bus{w},
		},
		Log:   slog.New(slog.NewJSONHandler(&w.Log, nil)),
		Sleep: func(_ context.Context, d time.Duration) { w.Advance(d) },
	}
}

// A Call is one call of an interface.
type Call struct {
	Service, Op, Subject string
	Writes               bool
}

func (c Call) String() string { return c.Service + "." + c.Op + " " + c.Subject }

// A Trouble is what happens to a call.
type Trouble int

// The troubles.
const (
	None        Trouble = iota
	Throttled           // it is not done
	Refused             // it is not done: the policies do not allow it
	Lost                // it is done, and its answer is lost
	Killed              // the run dies before it
	KilledAfter         // the run dies after it
)

// do carries out a call, or lets it meet its trouble.
func do[T any](ctx context.Context, w *World, service, op, subject string, writes bool, act func() (T, error)) (T, error) {
	var zero T
	if w.dead {
		return zero, died(service, op)
	}
	c := Call{service, op, subject, writes}
	w.Calls = append(w.Calls, c)
	n := len(w.Calls)
	if w.Before != nil {
		w.Before(c)
	}
	if ctx.Err() != nil {
		return zero, &fault.Error{Kind: fault.Retry, Reason: "TimeOver", Op: op, Subject: service, Err: ctx.Err()}
	}
	trouble := None
	if w.Trouble != nil {
		trouble = w.Trouble(n, c)
	}
	switch trouble {
	case Throttled:
		return zero, &fault.Error{Kind: fault.Retry, Reason: "Throttled", Op: op, Subject: service, Fix: "nothing; it is tried again"}
	case Refused:
		return zero, &fault.Error{Kind: fault.Blocked, Reason: federation.Unauthorized, Op: op, Subject: service, Fix: "allow " + op}
	case Killed:
		w.dead = true
		return zero, died(service, op)
	}
	v, err := act()
	switch trouble {
	case Lost:
		return zero, &fault.Error{Kind: fault.Retry, Reason: "NoAnswer", Op: op, Subject: service, Fix: "nothing; it is tried again"}
	case KilledAfter:
		w.dead = true
		return zero, died(service, op)
	}
	return v, err
}

func died(service, op string) error {
	return &fault.Error{Kind: fault.Retry, Reason: "Died", Op: op, Subject: service, Fix: "nothing"}
}

// act is do for calls that answer nothing.
func act(ctx context.Context, w *World, service, op, subject string, change func() error) error {
	_, err := do(ctx, w, service, op, subject, true, func() (struct{}, error) { return struct{}{}, change() })
	return err
}

func refuse(kind fault.Kind, reason, op, subject string) error {
	return &fault.Error{Kind: kind, Reason: reason, Op: op, Subject: subject, Fix: "do what the test expects", Err: fmt.Errorf("the fake world says so")}
}
