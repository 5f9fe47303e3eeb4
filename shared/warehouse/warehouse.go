// Package warehouse knows what a Redshift warehouse is called, what it allows, and which names it accepts.
package warehouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// How rotate proves a lease before it promotes it.
const (
	VerifyLogin = "login" // log in for real over verified TLS
	VerifyMint  = "mint"  // trust the minting call; for functions that cannot reach the warehouse
)

// A Warehouse is a Redshift provisioned cluster that the deployment declares, with what it allows.
// The configuration alone says this; neither an event nor a tag can widen it.
type Warehouse struct {
	Name    string    `json:"name"`
	Cluster string    `json:"cluster"` // cluster identifier; case sensitive
	Verify  string    `json:"verify"`  // VerifyLogin or VerifyMint
	Allow   Allowance `json:"allow"`
}

// An Allowance bounds the logins that may be minted for consumers of one warehouse. What it does not name is refused.
type Allowance struct {
	Databases  []string `json:"databases"`        // exact names
	Users      []string `json:"users"`            // patterns; * stands for any run of characters
	Groups     []string `json:"groups,omitempty"` // exact names
	AutoCreate bool     `json:"autoCreate,omitempty"`
}

// A Login is what a consumer asks for: who shall be logged in, where, and with which groups.
type Login struct {
	Database   string
	User       string
	Groups     []string // joined for the session; existing groups
	AutoCreate bool     // make the user at its first login if it does not exist
}

// Check returns every reason why l may not be minted in w: names that Redshift refuses, then names that w
// does not allow. Where is the name of the field, lower case.
func (w Warehouse) Check(l Login) fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}

	if why := BadName(l.User); why != "" {
		add("user", fmt.Sprintf("%q %s", l.User, why), nameRule)
	} else if !slices.ContainsFunc(w.Allow.Users, func(p string) bool { return Match(p, l.User) }) {
		add("user", fmt.Sprintf("%q is not allowed in warehouse %s", l.User, w.Name), "use a user that matches "+list(w.Allow.Users)+", or add it to the warehouse's allow.users")
	}
	if why := BadName(l.Database); why != "" {
		add("database", fmt.Sprintf("%q %s", l.Database, why), nameRule)
	} else if !slices.Contains(w.Allow.Databases, l.Database) {
		add("database", fmt.Sprintf("%q is not allowed in warehouse %s", l.Database, w.Name), "use "+list(w.Allow.Databases)+", or add it to the warehouse's allow.databases")
	}
	for _, g := range l.Groups {
		if why := BadName(g); why != "" {
			add("groups", fmt.Sprintf("%q %s", g, why), nameRule)
		} else if !slices.Contains(w.Allow.Groups, g) {
			add("groups", fmt.Sprintf("%q is not allowed in warehouse %s", g, w.Name), "use "+list(w.Allow.Groups)+", or add it to the warehouse's allow.groups")
		}
	}
	if l.AutoCreate && !w.Allow.AutoCreate {
		add("autoCreate", "warehouse "+w.Name+" does not let logins create users", "create the user yourself, or set the warehouse's allow.autoCreate")
	}
	return problems
}

// Match reports whether s matches pattern, in which * stands for any run of characters and everything else for itself.
func Match(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return true
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing (the list is empty)"
	}
	return strings.Join(names, ", ")
}

// Problems returns everything that is wrong with the declaration of w itself. Where is the JSON path below it.
func (w Warehouse) Problems() fault.Problems {
	var problems fault.Problems
	add := func(where, what, fix string) {
		problems = append(problems, fault.Problem{Where: where, What: what, Fix: fix})
	}

	if w.Cluster == "" {
		add("cluster", "is empty", "name the Redshift cluster's identifier")
	}
	if w.Verify != VerifyLogin && w.Verify != VerifyMint {
		add("verify", fmt.Sprintf("is %q", w.Verify), `write "login", or "mint" where the function cannot reach the warehouse`)
	}
	if len(w.Allow.Users) == 0 {
		add("allow.users", "is empty, so that no login could be minted", `name users or patterns such as "app_*"`)
	}
	if len(w.Allow.Databases) == 0 {
		add("allow.databases", "is empty, so that no login could be minted", "name at least one database")
	}
	for i, p := range w.Allow.Users {
		if why := BadPattern(p); why != "" {
			add(fmt.Sprintf("allow.users[%d]", i), fmt.Sprintf("%q %s", p, why), nameRule+"; * stands for any run of characters")
		}
	}
	names := func(where string, names []string) {
		for i, n := range names {
			if why := BadName(n); why != "" {
				add(fmt.Sprintf("%s[%d]", where, i), fmt.Sprintf("%q %s", n, why), nameRule)
			}
		}
	}
	names("allow.databases", w.Allow.Databases)
	names("allow.groups", w.Allow.Groups)
	return problems
}
