package redshiftdata

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// States of a statement.
// Source: Amazon Redshift Data API Reference, DescribeStatement (Status).
const (
	submitted = "SUBMITTED"
	picked    = "PICKED"
	started   = "STARTED"
	finished  = "FINISHED"
	failed    = "FAILED"
	aborted   = "ABORTED"
)

// A statement is one request to run SQL: one statement, or a batch of them. The service's mutex guards
// what changes.
type statement struct {
	id        string
	submitter awshttp.Principal
	where     target
	login     login
	name      string
	batch     bool
	arguments []argument
	created   time.Time
	cancel    context.CancelFunc

	status  string
	problem string // why it failed
	updated time.Time
	ended   time.Time // zero until it is over
	pid     uint32    // of the session
	queryID int64
	parts   []*part
}

// target is where a statement runs, and as whom.
type target struct{ cluster, database, user string }

// A part is one SQL statement and what came of it.
type part struct {
	sql     string
	status  string
	problem string
	updated time.Time
	took    time.Duration
	result  *result // nil until it has run
}

func (st *statement) owner() string { return owner(st.submitter) }

// partID is how the API names one statement of a batch.
func (st *statement) partID(i int) string { return fmt.Sprintf("%s:%d", st.id, i+1) }

func (st *statement) over() bool { return !st.ended.IsZero() }

// took is the time that all parts ran.
func (st *statement) took() (sum time.Duration) {
	for _, p := range st.parts {
		sum += p.took
	}
	return sum
}

// last is the result that describes the whole: of the last part that ran. Nil if none did.
func (st *statement) last() *result {
	for i := len(st.parts) - 1; i >= 0; i-- {
		if st.parts[i].result != nil {
			return st.parts[i].result
		}
	}
	return nil
}

func (st *statement) hasResultSet() bool {
	for _, p := range st.parts {
		if p.result.hasSet() {
			return true
		}
	}
	return false
}

// An argument is the value of a named parameter.
type argument struct {
	Name  string `json:"name" aws:"required"`
	Value string `json:"value" aws:"required"`
}

// argument is the value of a named parameter.
func (st *statement) argument(name string) (value string, ok bool) {
	for _, a := range st.arguments {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}
