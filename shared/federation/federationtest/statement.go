package federationtest

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Schema is one schema of the warehouse.
type Schema struct {
	External   bool
	Is         warehouse.ExternalSchema // if External
	Usage      map[warehouse.Grantee]bool
	Dependents []string
}

// statement is one that was begun. Its effect is at its end, also if it was forgotten meanwhile.
type statement struct {
	on      *Redshift
	in      string // database
	text    string
	over    time.Time
	failure string
	rows    [][]string
}

type sql struct{ w *World }

func (s sql) Begin(ctx context.Context, cluster, database, user, text, name, token string) (string, error) {
	_, purpose, _ := strings.Cut(name, ": ")
	return do(ctx, s.w, "redshift-data", "ExecuteStatement", purpose, token != "", func() (string, error) {
		if user != Sluice {
			return "", refuse(fault.Bug, "WrongLogin", "execute statement", database+"/"+user)
		}
		c := s.w.Clusters[cluster]
		if c == nil || !strings.HasPrefix(c.Status, "available") {
			return "", refuse(fault.Retry, warehouse.WarehouseAway, "execute statement", cluster)
		}
		if id, again := s.w.tokens[token]; again && token != "" {
			return id, nil
		}
		s.w.begun++
		id := fmt.Sprintf("statement-%d", s.w.begun)
		st := &statement{on: c, in: database, text: text, over: s.w.now.Add(s.w.StatementTakes)}
		if s.w.StatementFails != nil {
			st.failure = s.w.StatementFails(purpose, text)
		}
		s.w.statements[id] = st
		s.w.running = append(s.w.running, st)
		s.w.commit()
		if token != "" {
			s.w.tokens[token] = id
		}
		return id, nil
	})
}

func (s sql) Progress(ctx context.Context, id string) (federation.Progress, bool, error) {
	found := false
	p, err := do(ctx, s.w, "redshift-data", "DescribeStatement", id, false, func() (federation.Progress, error) {
		st, ok := s.w.statements[id]
		if !ok {
			return federation.Progress{}, nil
		}
		found = true
		if s.w.now.Before(st.over) {
			return federation.Progress{}, nil
		}
		return federation.Progress{Over: true, Failure: st.failure}, nil
	})
	return p, found && err == nil, err
}

func (s sql) Rows(ctx context.Context, id string) ([][]string, error) {
	return do(ctx, s.w, "redshift-data", "GetStatementResult", id, false, func() ([][]string, error) {
		st, ok := s.w.statements[id]
		if !ok || st.failure != "" || s.w.now.Before(st.over) {
			return nil, refuse(fault.Retry, warehouse.StatementFailed, "read rows", id)
		}
		return st.rows, nil
	})
}

// commit ends the statements whose time has come, in the order of their begin.
func (w *World) commit() {
	w.running = slices.DeleteFunc(w.running, func(st *statement) bool {
		if w.now.Before(st.over) {
			return false
		}
		if st.failure == "" {
			st.rows, st.failure = w.run(st.on, st.in, st.text)
		}
		return true
	})
}

// Forget lets the warehouse forget all statements, as it does after a day.
func (w *World) Forget() {
	w.statements = make(map[string]*statement)
	w.tokens = make(map[string]string)
}

var (
	lookSQL   = regexp.MustCompile(`^SELECT 'external' .* WHERE schemaname = '([^']*)' UNION`)
	tablesSQL = regexp.MustCompile(`^SELECT tablename FROM svv_external_tables WHERE schemaname = '([^']*)'`)
	rowSQL    = regexp.MustCompile(`^SELECT 1 FROM "([^"]*)"\."([^"]*)" LIMIT 1$`)
	createSQL = regexp.MustCompile(`^CREATE EXTERNAL SCHEMA "([^"]*)" FROM POSTGRES DATABASE '([^']*)' SCHEMA '([^']*)' URI '([^']*)' PORT (\d+) IAM_ROLE '([^']*)' SECRET_ARN '([^']*)'$`)
	dropSQL   = regexp.MustCompile(`^DROP SCHEMA "([^"]*)" RESTRICT$`)
	usageSQL  = regexp.MustCompile(`^(GRANT|REVOKE) USAGE ON SCHEMA "([^"]*)" (?:TO|FROM) (.*)$`)
)

// run carries out a statement and returns its rows, or the message of its failure.
func (w *World) run(c *Redshift, database, text string) (rows [][]string, failure string) {
	in := func(schema string) string { return database + "." + schema }
	if database == mainDatabase {
		in = func(schema string) string { return schema }
	}
	if m := lookSQL.FindStringSubmatch(text); m != nil {
		return w.look(in(m[1])), ""
	}
	if m := tablesSQL.FindStringSubmatch(text); m != nil {
		s := w.Schemas[in(m[1])]
		if s == nil {
			return nil, ""
		}
		db, failure := w.read(c, s)
		if failure == "" && len(db.Tables) > 0 {
			rows = [][]string{{slices.MinFunc(db.Tables, func(a, b string) int { // as it is asked for: those without upper case first
				if a, b := warehouse.Folded(a), warehouse.Folded(b); a != b && b {
					return -1
				} else if a != b {
					return 1
				}
				return strings.Compare(a, b)
			})}}
		}
		return rows, failure
	}
	if m := rowSQL.FindStringSubmatch(text); m != nil {
		db, failure := w.read(c, w.Schemas[in(m[1])])
		if table := strings.ToLower(m[2]); failure == "" && !slices.Contains(db.Tables, table) {
			failure = fmt.Sprintf("ERROR: relation %q does not exist", m[1]+"."+table)
		}
		return [][]string{{"1"}}, failure
	}
	if m := createSQL.FindStringSubmatch(text); m != nil {
		if w.Schemas[in(m[1])] != nil {
			return nil, fmt.Sprintf("ERROR: Schema %q already exists", m[1])
		}
		port, _ := strconv.Atoi(m[5])
		w.Schemas[in(m[1])] = &Schema{External: true, Usage: make(map[warehouse.Grantee]bool), Is: warehouse.ExternalSchema{
			Name: m[1], Database: m[2], RemoteSchema: m[3], Host: m[4], Port: port, Role: m[6], Secret: m[7]}}
		return nil, ""
	}
	if m := dropSQL.FindStringSubmatch(text); m != nil {
		s := w.Schemas[in(m[1])]
		switch {
		case s == nil:
			return nil, fmt.Sprintf("ERROR: schema %q does not exist", m[1])
		case len(s.Dependents) > 0:
			return nil, fmt.Sprintf("ERROR: cannot drop schema %s because other objects depend on it", m[1])
		}
		delete(w.Schemas, in(m[1]))
		return nil, ""
	}
	if m := usageSQL.FindStringSubmatch(text); m != nil {
		for g := range strings.SplitSeq(m[3], ", ") {
			if kind, name, ok := strings.Cut(strings.ReplaceAll(g, `"`, ""), " "); ok {
				w.Schemas[in(m[2])].Usage[warehouse.Grantee(strings.ToLower(kind)+":"+name)] = m[1] == "GRANT"
			} else if g == "PUBLIC" {
				w.Schemas[in(m[2])].Usage[warehouse.Public] = m[1] == "GRANT"
			} else {
				w.Schemas[in(m[2])].Usage[warehouse.Grantee("user:"+kind)] = m[1] == "GRANT"
			}
		}
		maps.DeleteFunc(w.Schemas[in(m[2])].Usage, func(_ warehouse.Grantee, has bool) bool { return !has })
		return nil, ""
	}
	return nil, "ERROR: syntax error at or near " + text
}

func (w *World) look(name string) (rows [][]string) {
	s := w.Schemas[name]
	if s == nil {
		return nil
	}
	rows = append(rows, []string{"schema", "", "", ""})
	if s.External {
		options := fmt.Sprintf(`{"SCHEMA":%q,"URI":%q,"PORT":"%d","IAM_ROLE":%q,"SECRET_ARN":%q}`, s.Is.RemoteSchema, s.Is.Host, s.Is.Port, s.Is.Role, s.Is.Secret)
		if w.Tells != nil {
			options = w.Tells(options)
		}
		rows = append(rows, []string{"external", "3", s.Is.Database, options})
	}
	if w.Blind {
		return rows
	}
	for _, g := range slices.Sorted(maps.Keys(s.Usage)) {
		kind, who, _ := strings.Cut(string(g), ":")
		rows = append(rows, []string{"grant", kind, who, ""})
	}
	return rows
}

// read goes the whole way from the cluster to the source, and says in the cluster's words what does not let it.
func (w *World) read(c *Redshift, s *Schema) (*RDS, string) {
	if c.Routed && !c.NAT && !slices.Contains(w.Endpoints[VPC], Service) {
		return nil, fmt.Sprintf(`Failed to incorporate external table "%s"."orders" into local catalog. Error=: curlCode: 28, Timeout was reached`, s.Is.Name)
	}
	db := w.at(s.Is.Host)
	if db == nil || !w.reachable(c, db) || !db.Answers() {
		return nil, "timeout expired"
	}
	c.settle(w.now)
	if a := c.roles[s.Is.Role]; a == nil || a.status != federation.InSync || !w.assumable(s.Is.Role) {
		return nil, "Not authorized to get credentials of role " + s.Is.Role
	}
	is := w.secret(s.Is.Secret)
	if why := w.unusable(w.policy(s.Is.Role), is); why != "" {
		return nil, why
	}
	if login, ok := db.Logins[is.User]; !ok || login.Password != is.Password {
		return nil, fmt.Sprintf("FATAL: password authentication failed for user %q", is.User)
	}
	return db, ""
}
