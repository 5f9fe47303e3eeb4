package awshttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// tokens is a service with one operation that needs no signature and one that does.
func tokens() awshttp.Service {
	exchange := func(_ context.Context, call *awshttp.Call) (any, error) {
		var in struct{ Token string }
		if err := call.Decode(&in); err != nil {
			return nil, err
		}
		if in.Token == "old" {
			return nil, &awshttp.Error{Code: "ExpiredTokenException", Message: "too old", Exact: true}
		}
		call.Principal = awshttp.Principal{Federated: "arn:aws:iam::111122223333:oidc-provider/example.com"}
		return nil, call.Authorize(awshttp.Access{Action: "tokens:Exchange", Resource: "*"})
	}
	return awshttp.Service{Name: "tokens", Protocol: awshttp.Query, Operations: map[string]awshttp.Operation{"Exchange": exchange, "List": exchange},
		Unsigned: []string{"Exchange"}}
}

func TestUnsigned(t *testing.T) {
	w := newWorld(t)
	w.Register(tokens())
	for _, tc := range []struct {
		name, form, authorization string
		status                    int
		code, principal           string // the code as it stands on the wire
	}{
		{"an operation that needs no signature", "Action=Exchange&Token=a", "", 200, "", "arn:aws:iam::111122223333:oidc-provider/example.com"},
		{"one that needs it", "Action=List&Token=a", "", 403, "MissingAuthenticationToken", ""},
		{"one that is not there", "Action=Take", "", 403, "MissingAuthenticationToken", ""},
		{"a bad signature is no missing one", "Action=Exchange&Token=a", "AWS4-HMAC-SHA256 x", 400, "IncompleteSignature", ""},
		{"a code that is the operation's own", "Action=Exchange&Token=old", "", 400, "ExpiredTokenException", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := w.Calls().Last()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(tc.form))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", tc.authorization)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != tc.status || !strings.Contains(string(body), tc.code) {
				t.Errorf("answer is %d %s, %v; want %d with %q", answer.StatusCode, body, err, tc.status, tc.code)
			}
			made := w.Calls().List(awshttp.Filter{After: before})
			if len(made) != 1 || made[0].Principal != tc.principal || (tc.principal != "") != (len(made[0].Accesses) == 1) {
				t.Errorf("recorded %+v; want principal %q", made, tc.principal)
			}
		})
	}
}
