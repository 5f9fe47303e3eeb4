package federationtest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// State is everything that is, in words that are the same whenever and in however many tries it came about: no times, no numbers
// of runs, no passwords. Two worlds with the same state are in the same state for everybody who uses them.
func (w *World) State() string {
	type rule struct {
		Group, From string
		Ports       [2]int
		Tags        map[string]string
	}
	type sec struct {
		Tags            map[string]string
		Deleted, LogsIn bool
		User, ARN, Key  string
	}
	type record struct {
		Wanted     federation.Wanted
		Withdrawn  bool
		Generation int
		Phase      federation.Phase
		Reason     string
		Claimed    bool
		Made       federation.Made
		Conditions []string
		Running    bool
	}
	var out struct {
		Roles    map[string]*Role
		Attached map[string]map[string]string
		Secrets  map[string]sec
		Logins   map[string]map[string]string
		Schemas  map[string]*Schema
		Rules    []rule
		Listed   map[string]federation.RoleChange
		Records  map[string]record
		Messages []Message
		Dead     []Message
	}
	out.Roles, out.Schemas, out.Dead = make(map[string]*Role), w.Schemas, w.Dead
	out.Messages = append(out.Messages, w.Messages...) // nil if there are none
	for name, r := range w.Roles {
		is := *r
		is.Seen = time.Time{}
		out.Roles[name] = &is
	}
	out.Attached = make(map[string]map[string]string)
	for id, c := range w.Clusters {
		c.settle(w.now)
		out.Attached[id] = c.Attached()
	}
	out.Secrets = make(map[string]sec)
	for name, s := range w.Secrets {
		is := sec{Tags: s.Tags, Deleted: !s.Deleted.IsZero(), User: s.User, ARN: s.ARN, Key: s.Key}
		for _, db := range w.Instances {
			if login, ok := db.Logins[s.User]; ok && login.Password == s.Password {
				is.LogsIn = true
			}
		}
		out.Secrets[name] = is
	}
	out.Logins = make(map[string]map[string]string)
	for id, db := range w.Instances {
		out.Logins[id] = make(map[string]string)
		for user, login := range db.Logins {
			out.Logins[id][user] = login.Mark
		}
	}
	for _, r := range w.Rules {
		out.Rules = append(out.Rules, rule{r.Group, r.From, r.Ports, r.Tags})
	}
	out.Listed = make(map[string]federation.RoleChange)
	for id, c := range w.Listed {
		on := out.Attached[id]
		c.Add = slices.DeleteFunc(slices.Clone(c.Add), func(e string) bool { return on[e[strings.Index(e, " ")+1:]] != "" }) // does nothing any more
		if len(c.Add)+len(c.Remove) > 0 {
			out.Listed[id] = c
		}
	}
	out.Records = make(map[string]record)
	for name, r := range w.Records {
		is := record{Wanted: r.Wanted, Withdrawn: r.Withdrawn, Generation: r.Generation, Phase: r.Phase, Reason: r.Reason, Claimed: r.Claim != nil, Made: r.Made, Running: r.Statement != nil}
		is.Made.SecretUntil, is.Made.Asked, is.Made.Unlike = time.Time{}, time.Time{}, "" // which depend on when it was looked at
		if is.Withdrawn {
			is.Made = federation.Made{Begun: r.Made.Begun} // the rest is a note
		}
		for _, c := range r.Conditions {
			is.Conditions = append(is.Conditions, c.Type)
		}
		out.Records[name] = is
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Leaks are the places where a password can be seen that must not be: the log, the state, the events.
func (w *World) Leaks() (where []string) {
	add := func(place, text string) {
		if w.leaks(text) {
			where = append(where, place)
		}
	}
	add("log", w.Log.String())
	for name, r := range w.Records {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		add("record "+name, string(text))
	}
	for _, a := range w.Announced {
		add(a.Type, a.Detail)
	}
	for _, c := range w.Calls {
		add("call", c.String())
	}
	return where
}

// Usage is who has usage of a schema; nil if it is not there.
func (w *World) Usage(schema string) map[warehouse.Grantee]bool {
	if s := w.Schemas[schema]; s != nil {
		return s.Usage
	}
	return nil
}
