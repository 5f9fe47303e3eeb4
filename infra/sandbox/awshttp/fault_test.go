package awshttp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func put(t *testing.T, client *secretsmanager.Client) error {
	_, err := client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new("s"), SecretString: new("v")})
	return err
}

func inject(t *testing.T, w *world, f awshttp.Fault) {
	t.Helper()
	if err := w.Faults().Add(f); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsSeenByAClient(t *testing.T) {
	for _, tc := range []struct {
		kind   awshttp.Kind
		code   string // empty: the connection ends
		effect bool
	}{
		{awshttp.Throttled, "ThrottlingException", false},
		{awshttp.Refused, "AccessDeniedException", false},
		{awshttp.Failing, "InternalServiceError", false},
		{awshttp.LostBefore, "", false},
		{awshttp.LostAfter, "", true},
		{awshttp.KilledBefore, "", false},
		{awshttp.KilledAfter, "", true},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			w := newWorld(t)
			inject(t, w, awshttp.Fault{Service: "secretsmanager", Operation: "PutSecretValue", Kind: tc.kind, Count: 1})
			client := secretsmanager.NewFromConfig(w.config())
			err := put(t, client)
			if tc.code != "" {
				wantCode(t, err, tc.code)
			} else if _, ok := errors.AsType[smithy.APIError](err); ok || err == nil {
				t.Errorf("error is %v; want a lost connection", err)
			}
			if stored := w.store.get("s") != ""; stored != tc.effect {
				t.Errorf("effect is %v; want %v", stored, tc.effect)
			}
			if err := put(t, client); err != nil {
				t.Errorf("the call after the fault: %v", err)
			}
		})
	}
}

func TestFaultsSeenInProcess(t *testing.T) {
	for kind, happens := range map[awshttp.Kind]bool{awshttp.LostBefore: false, awshttp.LostAfter: true, awshttp.KilledBefore: false, awshttp.KilledAfter: true} {
		w := newWorld(t)
		inject(t, w, awshttp.Fault{Service: "redshift", Kind: kind, Count: 1})
		tags := map[string]any{"ResourceName": "r", "Tags": []map[string]string{{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}}}
		if _, err := w.Do(t.Context(), alice, "redshift", "CreateTags", tags); !errors.Is(err, awshttp.ErrConnectionLost) {
			t.Errorf("%s: error is %v; want ErrConnectionLost", kind, err)
		}
		if effect := w.store.get("r") == "2"; effect != happens {
			t.Errorf("%s: effect is %v", kind, effect)
		}
	}
}

// TestFaultsKillTheirCaller wants the caller to die once, before the effect or after it, and only of these faults.
func TestFaultsKillTheirCaller(t *testing.T) {
	for _, tc := range []struct {
		kind   awshttp.Kind
		deaths []string // what was stored at each
	}{
		{awshttp.KilledBefore, []string{""}},
		{awshttp.KilledAfter, []string{"v"}},
		{awshttp.LostAfter, nil},
	} {
		w := newWorld(t)
		var deaths []string
		server := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w, Authorizer: w, Kill: func(p awshttp.Principal) {
			if p.ARN != alice.ARN {
				t.Errorf("%s: %s dies; want the caller", tc.kind, p)
			}
			deaths = append(deaths, w.store.get("s"))
		}})
		server.Register(w.secrets())
		if err := server.Faults().Add(awshttp.Fault{Service: "secretsmanager", Kind: tc.kind, Count: 1}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, _ = server.Do(t.Context(), alice, "secretsmanager", "PutSecretValue", map[string]string{"SecretId": "s", "SecretString": "v"})
		}
		if !slices.Equal(deaths, tc.deaths) {
			t.Errorf("%s: deaths when this was stored: %q; want %q", tc.kind, deaths, tc.deaths)
		}
		if calls := server.Calls().List(awshttp.Filter{}); calls[0].Fault != tc.kind || calls[0].Code != "ConnectionLost" || calls[1].Code != "" {
			t.Errorf("%s: recorded %+v", tc.kind, calls)
		}
	}
}

func TestThrottlingIsSpelledByService(t *testing.T) {
	w := newWorld(t)
	w.Register(function(nil))
	for _, service := range []string{"redshift", "lambda"} {
		inject(t, w, awshttp.Fault{Service: service, Kind: awshttp.Throttled, Count: 1})
	}
	_, err := redshift.NewFromConfig(w.config()).DescribeClusters(t.Context(), nil)
	if message := wantCode(t, err, "Throttling"); message != "Rate exceeded" {
		t.Errorf("message is %q", message)
	}
	_, err = lambda.NewFromConfig(w.config()).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: new("f")})
	wantCode(t, err, "TooManyRequestsException")
}

// TestClientRetriesThroughFaults is what faults are for: an SDK client survives two of them by itself.
func TestClientRetriesThroughFaults(t *testing.T) {
	for _, kind := range []awshttp.Kind{awshttp.Throttled, awshttp.Failing, awshttp.LostBefore, awshttp.LostAfter} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			inject(t, w, awshttp.Fault{Service: "secretsmanager", Operation: "PutSecretValue", Kind: kind, Count: 2})
			if err := put(t, secretsmanager.NewFromConfig(w.withRetries())); err != nil {
				t.Fatal(err)
			}
			if calls := w.Calls().List(awshttp.Filter{Operation: "PutSecretValue"}); len(calls) != 3 {
				t.Errorf("%d attempts; want 3", len(calls))
			}
		})
	}
}

func TestFaultsWaitForTheirOperation(t *testing.T) {
	w := newWorld(t)
	inject(t, w, awshttp.Fault{Service: "redshift", Kind: awshttp.Failing, Count: 1})
	inject(t, w, awshttp.Fault{Service: "secretsmanager", Operation: "DescribeSecret", Kind: awshttp.Failing, Count: 2})
	if err := put(t, secretsmanager.NewFromConfig(w.config())); err != nil {
		t.Errorf("another operation of another service: %v", err)
	}
	_, err := w.Do(t.Context(), alice, "secretsmanager", "DescribeSecret", map[string]string{"SecretId": "s"})
	wantCode(t, err, "InternalServiceError")
	if left := w.Faults().List(); len(left) != 2 || left[0].Count != 1 || left[1].Count != 1 {
		t.Errorf("waiting faults are %+v; want two with one call left each", left)
	}
	w.Faults().Clear()
	if _, err := w.Do(t.Context(), alice, "secretsmanager", "DescribeSecret", map[string]string{"SecretId": "s"}); err != nil {
		t.Errorf("after Clear: %v", err)
	}
}

func TestFaultsWaitForTheirCaller(t *testing.T) {
	describe := func(w *world, by awshttp.Principal) error {
		_, err := w.Do(t.Context(), by, "secretsmanager", "DescribeSecret", map[string]string{"SecretId": "s"})
		return err
	}
	bob := awshttp.Principal{ARN: "arn:aws:iam::111122223333:user/bob", Account: awshttp.Account}
	w := newWorld(t)
	inject(t, w, awshttp.Fault{Service: "secretsmanager", Principal: alice.ARN, Skip: 1, Kind: awshttp.Failing, Count: 1})
	for i, by := range []awshttp.Principal{bob, alice, bob, alice, alice} {
		err := describe(w, by)
		if failed := w.Calls().List(awshttp.Filter{})[i].Fault != ""; failed != (i == 3) {
			t.Errorf("call %d, by %s: %v; want the second one of alice to fail", i, by, err)
		}
	}
}

func TestFaultProblemsAreReportedAtOnce(t *testing.T) {
	w := newWorld(t)
	err := w.Faults().Add(awshttp.Fault{Kind: "slow", Skip: -1})
	for _, want := range []string{"service is empty", `kind "slow"`, "throttled", "count is 0", "skip is -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not contain %q", err, want)
		}
	}
	if len(w.Faults().List()) != 0 {
		t.Error("the refused fault is waiting")
	}
}
