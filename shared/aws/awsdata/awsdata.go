// Package awsdata runs SQL in a warehouse with the Amazon Redshift Data API.
package awsdata

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"
	"github.com/aws/aws-sdk-go-v2/service/redshiftdata/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// SQL implements [federation.SQL].
type SQL struct{ api *redshiftdata.Client }

var _ federation.SQL = (*SQL)(nil)

// New returns SQL that calls through api.
func New(api *redshiftdata.Client) *SQL { return &SQL{api} }

// Busy is the reason where the Data API runs all the statements that it takes.
const Busy = "StatementsExceeded"

// Begin implements [federation.SQL]. Without a token the SDK makes one, so that a repetition of the call whose answer was lost
// begins nothing twice.
//
// Errors: a statement that fails is not reported here, nor is a database that does not exist: [SQL.Progress] does. A cluster that
// has gone or was paused meanwhile is refused with the same code as a malformed request: its status tells which.
func (s *SQL) Begin(ctx context.Context, cluster, database, user, sql, name, token string) (string, error) {
	in := &redshiftdata.ExecuteStatementInput{ClusterIdentifier: &cluster, Database: &database, DbUser: &user, Sql: &sql, StatementName: &name}
	if token != "" {
		in.ClientToken = &token
	}
	out, err := s.api.ExecuteStatement(ctx, in)
	if err != nil {
		busy := awserror.Cause{Kind: fault.Retry, Reason: Busy, Fix: "nothing; it is tried again"}
		refused := awserror.Cause{Kind: fault.Retry, Reason: warehouse.StatementFailed, Fix: "read the service's message; check that the cluster is available"}
		return "", awserror.Explain(err, "begin statement "+strconv.Quote(name), "cluster "+cluster, awserror.Table{
			"ActiveStatementsExceededException": busy,
			"ActiveSessionsExceededException":   busy,
			"ValidationException":               refused,
			"ExecuteStatementException":         refused,
			"ResourceNotFoundException":         refused,
		})
	}
	return aws.ToString(out.Id), nil
}

const expired = "Expired"

// known is what codes say of the id of a statement. An id comes from the service itself: what is wrong with it is its age.
var known = awserror.Table{
	"ResourceNotFoundException": {Kind: fault.Retry, Reason: expired, Fix: "nothing; it is tried again"},
	"ValidationException":       {Kind: fault.Retry, Reason: expired, Fix: "nothing; it is tried again"},
}

// Progress implements [federation.SQL]. A status that is not known is none that ends.
//
// Source: Amazon Redshift Data API Reference, DescribeStatement (Status).
func (s *SQL) Progress(ctx context.Context, id string) (federation.Progress, bool, error) {
	out, err := s.api.DescribeStatement(ctx, &redshiftdata.DescribeStatementInput{Id: &id})
	err = awserror.Explain(err, "look at statement", id, known)
	if fault.ReasonOf(err) == expired {
		return federation.Progress{}, false, nil
	}
	if err != nil {
		return federation.Progress{}, false, err
	}
	switch out.Status {
	case types.StatusStringFinished:
		return federation.Progress{Over: true}, true, nil
	case types.StatusStringFailed, types.StatusStringAborted:
		failure := aws.ToString(out.Error)
		if failure == "" {
			failure = fmt.Sprintf("the statement is %s; the warehouse does not say why", out.Status)
		}
		return federation.Progress{Over: true, Failure: failure}, true, nil
	}
	return federation.Progress{}, true, nil
}

// Rows implements [federation.SQL].
func (s *SQL) Rows(ctx context.Context, id string) ([][]string, error) {
	var rows [][]string
	pages := redshiftdata.NewGetStatementResultPaginator(s.api, &redshiftdata.GetStatementResultInput{Id: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "read rows", "statement "+id, awserror.Table{
				"ResourceNotFoundException": {Kind: fault.Retry, Reason: warehouse.StatementFailed, Fix: "nothing; it is tried again"},
				"ValidationException":       {Kind: fault.Retry, Reason: warehouse.StatementFailed, Fix: "nothing; it is tried again"},
			})
		}
		for _, record := range page.Records {
			row := make([]string, len(record))
			for i, field := range record {
				if row[i], err = text(field); err != nil {
					return nil, &fault.Error{Kind: fault.Bug, Reason: "Unforeseen", Op: "read rows", Subject: "statement " + id, Err: err, Fix: "report this message"}
				}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// text is a value as text; NULL is "".
func text(field types.Field) (string, error) {
	switch v := field.(type) {
	case *types.FieldMemberIsNull:
		return "", nil
	case *types.FieldMemberStringValue:
		return v.Value, nil
	case *types.FieldMemberLongValue:
		return strconv.FormatInt(v.Value, 10), nil
	case *types.FieldMemberDoubleValue:
		return strconv.FormatFloat(v.Value, 'g', -1, 64), nil
	case *types.FieldMemberBooleanValue:
		return strconv.FormatBool(v.Value), nil
	case *types.FieldMemberBlobValue:
		return hex.EncodeToString(v.Value), nil
	}
	return "", fmt.Errorf("a value is of a kind that is not known: %T", field)
}
