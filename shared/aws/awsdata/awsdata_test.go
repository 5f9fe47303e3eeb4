package awsdata_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/redshiftdata"

	"github.com/sluicehq/sluice/shared/aws/awsdata"
	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/warehouse"
)

func sql(t *testing.T, answers ...awstest.Answer) (*awsdata.SQL, *awstest.Service) {
	t.Helper()
	s := awstest.Serve(answers...)
	t.Cleanup(s.Close)
	return awsdata.New(redshiftdata.NewFromConfig(s.Config())), s
}

func begin(t *testing.T, q *awsdata.SQL, token string) (string, error) {
	return q.Begin(t.Context(), "c1", "dev", "sluice", "select 1", "sluice orders: look", token)
}

func TestBegin(t *testing.T) {
	q, s := sql(t, awstest.Answer{Body: `{"Id":"id-1"}`})
	if id, err := begin(t, q, "token-1"); err != nil || id != "id-1" {
		t.Errorf("Begin = %q, %v", id, err)
	}
	if r := s.Requests(); len(r) != 1 || !r[0].Is("ExecuteStatement",
		`{"ClusterIdentifier":"c1","Database":"dev","DbUser":"sluice","Sql":"select 1","StatementName":"sluice orders: look","ClientToken":"token-1"}`) {
		t.Errorf("sent %+v", r)
	}
}

// A statement without a token of ours is begun once although the answer was lost, and anew by the next call.
func TestBeginWithoutToken(t *testing.T) {
	q, s := sql(t, awstest.Answer{Drop: true}, awstest.Answer{Body: `{"Id":"id-1"}`})
	for range 2 {
		if _, err := begin(t, q, ""); err != nil {
			t.Fatal(err)
		}
	}
	var tokens []string
	for _, r := range s.Requests() {
		var in struct{ ClientToken string }
		if err := json.Unmarshal([]byte(r.Body), &in); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, in.ClientToken)
	}
	if len(tokens) != 3 || tokens[0] == "" || tokens[0] != tokens[1] || tokens[2] == tokens[0] {
		t.Errorf("tokens %q", tokens)
	}
}

func TestProgress(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want federation.Progress
	}{
		"submitted":          {`"Status":"SUBMITTED"`, federation.Progress{}},
		"picked":             {`"Status":"PICKED"`, federation.Progress{}},
		"started":            {`"Status":"STARTED"`, federation.Progress{}},
		"not known":          {`"Status":"NEW"`, federation.Progress{}},
		"finished":           {`"Status":"FINISHED"`, federation.Progress{Over: true}},
		"failed":             {`"Status":"FAILED","Error":"ERROR: no"`, federation.Progress{Over: true, Failure: "ERROR: no"}},
		"failed for nothing": {`"Status":"FAILED"`, federation.Progress{Over: true, Failure: "the statement is FAILED; the warehouse does not say why"}},
		"aborted":            {`"Status":"ABORTED"`, federation.Progress{Over: true, Failure: "the statement is ABORTED; the warehouse does not say why"}},
	} {
		t.Run(name, func(t *testing.T) {
			q, s := sql(t, awstest.Answer{Body: `{"Id":"id-1",` + tc.body + `}`})
			if got, found, err := q.Progress(t.Context(), "id-1"); err != nil || !found || got != tc.want {
				t.Errorf("Progress = %+v, %t, %v; want %+v", got, found, err, tc.want)
			}
			if r := s.Requests(); len(r) != 1 || !r[0].Is("DescribeStatement", `{"Id":"id-1"}`) {
				t.Errorf("sent %+v", r)
			}
		})
	}
	for _, code := range []string{"ResourceNotFoundException", "ValidationException"} {
		t.Run("expired/"+code, func(t *testing.T) {
			q, _ := sql(t, awstest.Error(400, code, "Query does not exist."))
			if _, found, err := q.Progress(t.Context(), "id-1"); found || err != nil {
				t.Errorf("%t, %v", found, err)
			}
		})
	}
}

func TestRows(t *testing.T) {
	q, s := sql(t,
		awstest.Answer{Body: `{"ColumnMetadata":[],"Records":[[{"stringValue":"a"},{"longValue":-7},{"doubleValue":1.5},{"booleanValue":true},{"blobValue":"AP8="},{"isNull":true}]],"NextToken":"more"}`},
		awstest.Answer{Body: `{"ColumnMetadata":[],"Records":[[{"stringValue":""}],[{"doubleValue":"NaN"}]]}`})
	got, err := q.Rows(t.Context(), "id-1")
	if want := [][]string{{"a", "-7", "1.5", "true", "00ff", ""}, {""}, {"NaN"}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Rows = %q, %v; want %q", got, err, want)
	}
	if r := s.Requests(); len(r) != 2 || !r[0].Is("GetStatementResult", `{"Id":"id-1"}`) || !r[1].Is("GetStatementResult", `{"Id":"id-1","NextToken":"more"}`) {
		t.Errorf("sent %+v", r)
	}
}

func TestRowsWithAValueOfAnotherKind(t *testing.T) {
	q, _ := sql(t, awstest.Answer{Body: `{"ColumnMetadata":[],"Records":[[{"arrayValue":"x"}]]}`})
	if _, err := q.Rows(t.Context(), "id-1"); fault.KindOf(err) != fault.Bug || !strings.Contains(err.Error(), "statement id-1") {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	calls := map[string]func(*testing.T, *awsdata.SQL) error{
		"begin": func(t *testing.T, q *awsdata.SQL) error { _, err := begin(t, q, "t"); return err },
		"look":  func(t *testing.T, q *awsdata.SQL) error { _, _, err := q.Progress(t.Context(), "id-1"); return err },
		"rows":  func(t *testing.T, q *awsdata.SQL) error { _, err := q.Rows(t.Context(), "id-1"); return err },
	}
	for _, tc := range []struct {
		call, code string
		status     int
		kind       fault.Kind
		reason     string
	}{
		{"begin", "ActiveStatementsExceededException", 400, fault.Retry, awsdata.Busy},
		{"begin", "ActiveSessionsExceededException", 400, fault.Retry, awsdata.Busy},
		{"begin", "ValidationException", 400, fault.Retry, warehouse.StatementFailed},
		{"begin", "ExecuteStatementException", 500, fault.Retry, warehouse.StatementFailed},
		{"begin", "AccessDeniedException", 400, fault.Blocked, awserror.Unauthorized},
		{"begin", "ThrottlingException", 400, fault.Retry, awserror.Throttled},
		{"look", "InternalServerException", 500, fault.Retry, awserror.Unavailable},
		{"look", "AccessDeniedException", 400, fault.Blocked, awserror.Unauthorized},
		{"rows", "ResourceNotFoundException", 400, fault.Retry, warehouse.StatementFailed},
		{"rows", "ValidationException", 400, fault.Retry, warehouse.StatementFailed},
		{"rows", "AccessDeniedException", 400, fault.Blocked, awserror.Unauthorized},
	} {
		t.Run(tc.call+"/"+tc.code, func(t *testing.T) {
			q, _ := sql(t, awstest.Error(tc.status, tc.code, "why"))
			if err := calls[tc.call](t, q); fault.KindOf(err) != tc.kind || fault.ReasonOf(err) != tc.reason || fault.FixOf(err) == "" || !strings.Contains(err.Error(), tc.code+": why") {
				t.Errorf("%v\nwant %s, %s", err, tc.kind, tc.reason)
			}
		})
	}
}
