package redshiftdata

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// submission holds the members that ExecuteStatement and BatchExecuteStatement share.
type submission struct {
	ClientToken       string
	ClusterIdentifier string
	Database          string
	DbUser            string
	Parameters        []argument
	ResultFormat      string
	SecretArn         string
	StatementName     string
}

// A token is a ClientToken that has been used.
type token struct {
	request string // what it was used for
	st      *statement
}

// receipt is what both operations answer.
type receipt struct {
	Id                string
	ClusterIdentifier string
	CreatedAt         time.Time
	Database          string
	DbUser            string `json:",omitempty"`
	SecretArn         string `json:",omitempty"`
}

func (s *Service) executeStatement(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		submission
		Sql string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return s.submit(ctx, call, in.submission, []string{in.Sql}, false)
}

func (s *Service) batchExecuteStatement(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		submission
		Sqls []string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return s.submit(ctx, call, in.submission, in.Sqls, true)
}

// submit checks a request, starts it in the background and answers before it runs.
func (s *Service) submit(ctx context.Context, call *awshttp.Call, in submission, sqls []string, batch bool) (any, error) {
	if err := in.validate(sqls); err != nil {
		return nil, err
	}
	for _, access := range in.accesses(call) {
		if err := call.Authorize(access); err != nil {
			return nil, err
		}
	}
	if !s.clusters.HasCluster(in.ClusterIdentifier) {
		return nil, invalid("Redshift endpoint doesn't exist in this region.")
	}
	login, err := s.logIn(ctx, call, in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, known, err := s.repeated(call, in, sqls)
	if err != nil {
		return nil, err
	}
	if !known {
		if s.active() >= maxActive {
			return nil, &awshttp.Error{Code: "ActiveStatementsExceededException", Message: fmt.Sprintf("Active statements exceeded the allowed quota (%d).", maxActive)}
		}
		st = s.add(ctx, call, in, login, sqls, batch)
	}
	return receipt{st.id, st.where.cluster, st.created, st.where.database, in.DbUser, in.SecretArn}, nil
}

func (in *submission) validate(sqls []string) error {
	switch {
	case in.ClusterIdentifier == "":
		return invalid("Either ClusterIdentifier or WorkgroupName needs to be specified.")
	case in.Database == "":
		return invalid("Database needs to be specified.")
	case in.DbUser != "" && in.SecretArn != "":
		return invalid("DbUser and SecretArn cannot be specified together.")
	case in.DbUser == "" && in.SecretArn == "":
		return &awshttp.Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException",
			Message: "the sandbox does not have logins of the Data API as the caller's own identity; give DbUser or SecretArn"}
	case in.ResultFormat != "" && in.ResultFormat != "JSON":
		return &awshttp.Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException",
			Message: "the sandbox does not have results of the Data API in the format " + in.ResultFormat}
	case len(sqls) == 0:
		return invalid("Sqls must have at least one statement.")
	}
	used := map[string]bool{}
	for _, sql := range sqls {
		if strings.TrimSpace(sql) == "" {
			return invalid("Sql must not be empty.")
		}
		if len(sql) > maxSQL {
			return invalid("Sql is %d bytes long; at most %d are allowed.", len(sql), maxSQL)
		}
		for _, name := range parameters(sql) {
			used[name] = true
		}
	}
	var unused []string
	for _, a := range in.Parameters {
		if !used[a.Name] {
			unused = append(unused, a.Name)
		}
	}
	if unused != nil {
		return invalid("Parameters list contains unused parameters. Unused parameters: %v", unused)
	}
	return nil
}

// accesses are the questions to the policies: for the call, and for the login that the service makes for the caller.
func (in *submission) accesses(call *awshttp.Call) []awshttp.Access {
	arn := func(kind, name string) string {
		return fmt.Sprintf("arn:%s:redshift:%s:%s:%s:%s", awshttp.Partition, call.Region, awshttp.Account, kind, name)
	}
	keys := map[string][]string{"redshift:DbUser": {in.DbUser}, "redshift:DbName": {in.Database}}
	const login = "redshift:GetClusterCredentials"
	execute := awshttp.Access{Action: "redshift-data:" + call.Operation, Resource: arn("cluster", in.ClusterIdentifier)}
	if in.SecretArn != "" {
		return []awshttp.Access{execute}
	}
	return []awshttp.Access{
		execute,
		{Action: login, Resource: arn("dbuser", in.ClusterIdentifier+"/"+in.DbUser), Context: keys},
		{Action: login, Resource: arn("dbname", in.ClusterIdentifier+"/"+in.Database), Context: keys},
	}
}

// repeated returns the statement that the caller's ClientToken has started already, if it has.
func (s *Service) repeated(call *awshttp.Call, in submission, sqls []string) (st *statement, known bool, err error) {
	t, known := s.tokens[owner(call.Principal)+" "+in.ClientToken]
	if in.ClientToken == "" || !known || call.Time.Sub(t.st.created) >= tokenLife {
		return nil, false, nil
	}
	if t.request != fingerprint(call, in, sqls) {
		return nil, true, invalid("ClientToken was used for another request.")
	}
	return t.st, true, nil
}

// fingerprint is equal for requests that are the same.
func fingerprint(call *awshttp.Call, in submission, sqls []string) string {
	text, _ := json.Marshal([]any{call.Operation, in, sqls}) // strings only
	return string(text)
}

func (s *Service) active() (n int) {
	for _, st := range s.order {
		if !st.over() {
			n++
		}
	}
	return n
}

func (s *Service) add(ctx context.Context, call *awshttp.Call, in submission, l login, sqls []string, batch bool) *statement {
	// It outlives the request, until it is cancelled.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.queries++
	st := &statement{
		id: uuid.New(), submitter: call.Principal, where: target{in.ClusterIdentifier, in.Database, l.user}, login: l, name: in.StatementName,
		batch: batch, arguments: slices.Clone(in.Parameters), created: call.Time, cancel: cancel,
		status: submitted, updated: call.Time, queryID: s.queries,
	}
	for _, sql := range sqls {
		st.parts = append(st.parts, &part{sql: sql, status: submitted, updated: call.Time})
	}
	s.statements[st.id] = st
	s.order = append(s.order, st)
	if in.ClientToken != "" {
		s.tokens[owner(call.Principal)+" "+in.ClientToken] = token{fingerprint(call, in, sqls), st}
	}
	s.clock.Go(func() { s.run(ctx, st) })
	return st
}
