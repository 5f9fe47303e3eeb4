package redshiftdata

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A description is what DescribeStatement tells. RedshiftQueryId, ResultRows and ResultSize are -1 while there are none.
type description struct {
	Id                string
	ClusterIdentifier string
	Database          string
	DbUser            string `json:",omitempty"`
	SecretArn         string `json:",omitempty"`
	CreatedAt         time.Time
	UpdatedAt         time.Time
	Duration          int64  // nanoseconds
	Error             string `json:",omitempty"`
	HasResultSet      bool
	QueryParameters   []argument
	QueryString       string `json:",omitempty"`
	RedshiftPid       int64
	RedshiftQueryId   int64
	ResultFormat      string
	ResultRows        int64
	ResultSize        int64
	Status            string
	SubStatements     []subStatement
}

// A subStatement is one statement of a batch.
type subStatement struct {
	Id              string
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Duration        int64  // nanoseconds
	Error           string `json:",omitempty"`
	HasResultSet    bool
	QueryString     string
	RedshiftQueryId int64
	ResultRows      int64
	ResultSize      int64
	Status          string
}

// roleARN is taken out of statements that the API shows: never recognise a statement by its text.
// Source: hashicorp/terraform-provider-aws#25775.
var roleARN = regexp.MustCompile(`arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+`)

func shown(sql string) string { return roleARN.ReplaceAllString(sql, "") }

func (s *Service) describeStatement(_ context.Context, call *awshttp.Call) (any, error) {
	st, number, err := s.lookUp(call)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := description{
		Id: st.id, ClusterIdentifier: st.where.cluster, Database: st.where.database, DbUser: st.where.user,
		CreatedAt: st.created, UpdatedAt: st.updated, Duration: st.took().Nanoseconds(), Error: st.problem,
		HasResultSet: st.hasResultSet(), QueryParameters: st.arguments, RedshiftPid: int64(st.pid), RedshiftQueryId: -1,
		ResultFormat: "JSON", ResultRows: -1, ResultSize: -1, Status: st.status,
	}
	if st.login.secretARN != "" {
		d.DbUser, d.SecretArn = "", st.login.secretARN
	}
	if r := st.last(); r != nil {
		d.RedshiftQueryId, d.ResultRows, d.ResultSize = st.queryID, r.rows, r.size
	}
	if !st.batch {
		d.QueryString = shown(st.parts[0].sql)
		return d, nil
	}
	for i := range st.parts {
		d.SubStatements = append(d.SubStatements, st.sub(i))
	}
	if number >= 0 { // one of the batch, as if it were a statement of its own
		sub := d.SubStatements[number]
		d.Id, d.Status, d.Error, d.HasResultSet, d.QueryString = sub.Id, sub.Status, sub.Error, sub.HasResultSet, sub.QueryString
		d.Duration, d.UpdatedAt, d.ResultRows, d.ResultSize = sub.Duration, sub.UpdatedAt, sub.ResultRows, sub.ResultSize
		d.SubStatements = nil
	}
	return d, nil
}

// lookUp reads an input that is an Id and nothing else, and finds the statement.
func (s *Service) lookUp(call *awshttp.Call) (*statement, int, error) {
	var in struct {
		Id string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(call, in.Id)
}

func (st *statement) sub(i int) subStatement {
	p := st.parts[i]
	d := subStatement{
		Id: st.partID(i), CreatedAt: st.created, UpdatedAt: p.updated, Duration: p.took.Nanoseconds(), Error: p.problem,
		HasResultSet: p.result.hasSet(), QueryString: shown(p.sql), RedshiftQueryId: -1, ResultRows: -1, ResultSize: -1, Status: p.status,
	}
	if p.result != nil {
		d.RedshiftQueryId, d.ResultRows, d.ResultSize = st.queryID, p.result.rows, p.result.size
	}
	return d
}

func (s *Service) cancelStatement(_ context.Context, call *awshttp.Call) (any, error) {
	st, _, err := s.lookUp(call)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.over() {
		return nil, invalid("Could not cancel a query that is already in %s state.", st.status)
	}
	st.cancel()
	return struct{ Status bool }{true}, nil
}

// maxList is the most statements on a page.
// Source: Amazon Redshift Data API Reference, ListStatements (MaxResults).
const maxList = 100

type listInput struct {
	ClusterIdentifier string
	Database          string
	MaxResults        int
	NextToken         string
	RoleLevel         *bool
	StatementName     string
	Status            string
}

// listed is a statement in a list.
type listed struct {
	Id               string
	CreatedAt        time.Time
	UpdatedAt        time.Time
	IsBatchStatement bool
	QueryParameters  []argument
	QueryString      string `json:",omitempty"`
	QueryStrings     []string
	ResultFormat     string
	StatementName    string `json:",omitempty"`
	Status           string
}

func (s *Service) listStatements(_ context.Context, call *awshttp.Call) (any, error) {
	var in listInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if in.MaxResults < 0 || in.MaxResults > maxList {
		return nil, invalid("MaxResults must be between 0 and %d.", maxList)
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift-data:ListStatements", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var fitting []*statement
	for _, st := range slices.Backward(s.order) { // the newest first
		if in.fits(st, call) && (!st.over() || s.clock.Now().Before(st.ended.Add(resultLife))) {
			fitting = append(fitting, st)
		}
	}
	from := 0
	if in.NextToken != "" {
		var err error
		if from, err = strconv.Atoi(in.NextToken); err != nil || from < 0 || from > len(fitting) {
			return nil, invalid("NextToken is not one that was answered.")
		}
	}
	out := struct {
		Statements []listed
		NextToken  string `json:",omitempty"`
	}{Statements: []listed{}}
	limit := in.MaxResults
	if limit == 0 {
		limit = maxList
	}
	to := min(from+limit, len(fitting))
	for _, st := range fitting[from:to] {
		out.Statements = append(out.Statements, st.listed())
	}
	if to < len(fitting) {
		out.NextToken = strconv.Itoa(to)
	}
	return out, nil
}

// fits reports whether a statement is the caller's and passes the filters. Without a Status only finished ones do.
func (in *listInput) fits(st *statement, call *awshttp.Call) bool {
	status := in.Status
	if status == "" {
		status = finished
	}
	wholeRole := in.RoleLevel == nil || *in.RoleLevel
	return st.owner() == owner(call.Principal) &&
		(wholeRole || st.submitter.ARN == call.Principal.ARN) &&
		(status == "ALL" || st.status == status) &&
		(in.ClusterIdentifier == "" || st.where.cluster == in.ClusterIdentifier) &&
		(in.Database == "" || st.where.database == in.Database) &&
		strings.HasPrefix(st.name, in.StatementName)
}

func (st *statement) listed() listed {
	l := listed{
		Id: st.id, CreatedAt: st.created, UpdatedAt: st.updated, IsBatchStatement: st.batch, QueryParameters: st.arguments,
		ResultFormat: "JSON", StatementName: st.name, Status: st.status,
	}
	for _, p := range st.parts {
		l.QueryStrings = append(l.QueryStrings, shown(p.sql))
	}
	if !st.batch {
		l.QueryString, l.QueryStrings = l.QueryStrings[0], nil
	}
	return l
}
