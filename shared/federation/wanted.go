// Package federation makes outside databases queryable from a warehouse, keeps them so, and takes them down again.
//
// A federation is reconciled, not scripted: a [Reconciler] looks at the world, compares it with the wanted document and
// acts on what differs, step by step. Each step is safe to repeat, so that a run that died is repaired by another.
package federation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Dedicated is one role for each source, attached to the warehouse.
const Dedicated = "dedicated"

// A Wanted is what somebody asks for: one source, readable in one warehouse. It is the same document in an event, in the
// state and on the command line.
type Wanted struct {
	Name          string              `json:"name"`
	Warehouse     string              `json:"warehouse"` // as the configuration calls it
	Source        source.Source       `json:"source"`
	Credentials   Credentials         `json:"credentials,omitzero"`
	Schema        string              `json:"schema"` // to be made in the warehouse
	GrantUsageTo  []warehouse.Grantee `json:"grantUsageTo,omitempty"`
	Isolation     string              `json:"isolation,omitempty"`
	ManageIngress bool                `json:"manageIngress,omitempty"` // open the source's security group for the warehouse's
}

// Credentials say with which login the warehouse reads the source. With neither, the secret that RDS manages for the instance
// is the admin of a new login.
type Credentials struct {
	Secret string `json:"secret,omitempty"` // ARN of an existing secret, used as it is
	Admin  string `json:"admin,omitempty"`  // ARN of the secret of a user who may make a new read-only login
}

// Own reports whether Sluice makes a login of its own.
func (c Credentials) Own() bool { return c.Secret == "" }

var (
	// NamePattern is what the name of a federation looks like.
	NamePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	secretARN   = regexp.MustCompile(`^arn:(aws[a-z-]*):secretsmanager:([a-z0-9-]+):([0-9]{12}):secret:[A-Za-z0-9/_+=.@!-]+$`)
)

// maxName keeps the names that are made from it within those of IAM roles and PostgreSQL users.
const maxName = 32

// Decode reads a wanted document. Unknown members are problems, as is everything else that is wrong with it; its error is a
// [fault.Problems] with all of them.
func Decode(text []byte) (Wanted, error) {
	var w Wanted
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return Wanted{}, fault.Problems{{Where: "document", What: "cannot be read: " + err.Error(), Fix: `write the JSON object of infra/OPERATING.md, "Ask for a source"`}}
	}
	w = w.complete()
	return w, w.Problems().Err()
}

func (w Wanted) complete() Wanted {
	w.Source = w.Source.Complete()
	if w.Isolation == "" {
		w.Isolation = Dedicated
	}
	w.GrantUsageTo = slices.Sorted(slices.Values(w.GrantUsageTo))
	if len(w.GrantUsageTo) == 0 {
		w.GrantUsageTo = nil
	}
	return w
}

// Same reports whether both ask for the same.
func (w Wanted) Same(other Wanted) bool { return reflect.DeepEqual(w.complete(), other.complete()) }

// Problems returns everything that is wrong with w itself, whatever the configuration allows.
func (w Wanted) Problems() fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}
	if why := BadName(w.Name); why != "" {
		add("name", why, NameRule)
	}
	if w.Warehouse == "" {
		add("warehouse", "is missing", "name a warehouse of the configuration")
	}
	problems = append(problems, w.Source.Problems().Under("source.")...)
	if w.Credentials.Secret != "" && w.Credentials.Admin != "" {
		add("credentials", "has a secret and an admin", "give an existing secret, or the admin of a new login")
	}
	for where, arn := range map[string]string{"credentials.secret": w.Credentials.Secret, "credentials.admin": w.Credentials.Admin} {
		if arn != "" && !secretARN.MatchString(arn) {
			add(where, fmt.Sprintf("is %q", arn), "write the whole ARN of a secret, with its six last characters")
		}
	}
	if w.Source.Host != "" && w.Credentials == (Credentials{}) {
		add("credentials", "is missing", "a listed host has no secret of RDS: name a secret or an admin")
	}
	if w.Schema == "" {
		add("schema", "is missing", warehouse.SchemaRule)
	} else if why := warehouse.BadSchema(w.Schema); why != "" {
		add("schema", fmt.Sprintf("%q %s", w.Schema, why), warehouse.SchemaRule)
	}
	for i, g := range w.GrantUsageTo {
		if what, fix := g.Bad(); what != "" {
			add(fmt.Sprintf("grantUsageTo[%d]", i), fmt.Sprintf("%q %s", g, what), fix)
		} else if slices.Contains(w.GrantUsageTo[:i], g) {
			add(fmt.Sprintf("grantUsageTo[%d]", i), fmt.Sprintf("%q is there twice", g), "keep one of them")
		}
	}
	if w.Isolation != "" && w.Isolation != Dedicated {
		add("isolation", fmt.Sprintf("is %q, which this version does not have", w.Isolation), `write "dedicated", or nothing`)
	}
	if w.ManageIngress && w.Source.Host != "" {
		add("manageIngress", "is set for a listed host", "open the network to the host yourself: Sluice knows security groups of RDS instances only")
	}
	slices.SortFunc(problems, func(a, b fault.Problem) int { return strings.Compare(a.Where, b.Where) })
	return problems
}

// NameRule says what the name of a federation is made of.
const NameRule = "use 1 to 32 lower-case letters, digits and single hyphens between them, starting with a letter"

// BadName says what is wrong with the name of a federation, or returns "".
func BadName(name string) string {
	if name == "" {
		return "is missing"
	}
	if !NamePattern.MatchString(name) || len(name) > maxName {
		return fmt.Sprintf("is %q", name)
	}
	return ""
}
