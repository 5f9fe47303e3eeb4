package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// DefaultRoleLimit is how many IAM roles a cluster takes; a few regions have 10.
//
// Source: Amazon Redshift Management Guide, "Quotas and limits" (IAM roles for a cluster).
const DefaultRoleLimit = 50

// A Federating is a warehouse as the deployment declares it for federation: the login that Sluice itself uses in it,
// and what may be brought into it. The configuration alone says this; neither an event nor a tag can widen it.
type Federating struct {
	Cluster    string            `json:"cluster"`              // cluster identifier
	Database   string            `json:"database"`             // where external schemas are made
	User       string            `json:"user"`                 // database user that makes and owns them
	Sources    []string          `json:"sources,omitempty"`    // patterns of source ids; * stands for any run of characters
	SourceTags map[string]string `json:"sourceTags,omitempty"` // an instance that has one of these tags is allowed, too
	Grantees   []string          `json:"grantees,omitempty"`   // patterns such as "group:analysts", "role:*"
	RoleLimit  int               `json:"roleLimit,omitempty"`  // 0 is DefaultRoleLimit
}

// Limit is how many roles the cluster takes.
func (f Federating) Limit() int {
	if f.RoleLimit == 0 {
		return DefaultRoleLimit
	}
	return f.RoleLimit
}

// AllowsSource reports whether a source of this id, with these tags, may be brought in.
func (f Federating) AllowsSource(id string, tags map[string]string) bool {
	if slices.ContainsFunc(f.Sources, func(p string) bool { return Match(p, id) }) {
		return true
	}
	for key, value := range f.SourceTags {
		if got, ok := tags[key]; ok && got == value {
			return true
		}
	}
	return false
}

// AllowsGrantee reports whether a grantee may be given usage of external schemas.
func (f Federating) AllowsGrantee(g Grantee) bool {
	return slices.ContainsFunc(f.Grantees, func(p string) bool { return Match(p, string(g)) })
}

// Problems returns everything that is wrong with the declaration itself. Where is the JSON path below it.
func (f Federating) Problems() fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}
	if f.Cluster == "" {
		add("cluster", "is empty", "name the Redshift cluster's identifier")
	}
	if why := BadName(f.Database); why != "" {
		add("database", fmt.Sprintf("%q %s", f.Database, why), nameRule)
	}
	if why := BadName(f.User); why != "" {
		add("user", fmt.Sprintf("%q %s", f.User, why), nameRule)
	} else if slices.Contains(superusers, f.User) {
		add("user", f.User+" is a superuser", "make a user of its own for Sluice with the SQL of sluice bootstrap")
	}
	if len(f.Sources) == 0 && len(f.SourceTags) == 0 {
		add("sources", "and sourceTags are empty, so that no source could be brought in", `name instance identifiers or patterns such as "orders-*"`)
	}
	for i, g := range f.Grantees {
		if why := Grantee(strings.ReplaceAll(g, "*", "_")).bad(); why != "" {
			add(fmt.Sprintf("grantees[%d]", i), fmt.Sprintf("%q %s", g, why), granteeRule+"; * stands for any run of characters")
		}
	}
	if f.RoleLimit < 0 || f.RoleLimit > DefaultRoleLimit {
		add("roleLimit", fmt.Sprintf("is %d", f.RoleLimit), fmt.Sprintf("write 1 to %d, or nothing", DefaultRoleLimit))
	}
	return problems
}

const granteeRule = `write "group:NAME", "role:NAME", "user:NAME" or "public"`

// A Grantee is who is given usage of an external schema: "group:analysts", "role:bi", "user:alice" or "public".
type Grantee string

// Public is everybody.
const Public Grantee = "public"

// Bad says what is wrong with the grantee, and what to write; both are empty if nothing is.
func (g Grantee) Bad() (what, fix string) {
	if why := g.bad(); why != "" {
		return why, granteeRule
	}
	return "", ""
}

func (g Grantee) bad() string {
	if g == Public {
		return ""
	}
	kind, name, ok := strings.Cut(string(g), ":")
	if !ok || kind != "group" && kind != "role" && kind != "user" {
		return "is no grantee"
	}
	return badIdentifier(name)
}

// sql is the grantee as GRANT and REVOKE write it.
func (g Grantee) sql() string {
	kind, name, _ := strings.Cut(string(g), ":")
	switch kind {
	case "group":
		return "GROUP " + Identifier(name)
	case "role":
		return "ROLE " + Identifier(name)
	case "user":
		return Identifier(name)
	case string(Public):
		return "PUBLIC"
	}
	return Identifier(string(g)) // nobody: never everybody by mistake
}
