package awshttp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

func TestRecord(t *testing.T) {
	w := newWorld(t)
	const password = "not-to-be-seen"
	client := secretsmanager.NewFromConfig(w.config())
	in := &secretsmanager.PutSecretValueInput{SecretId: new("s"), SecretString: new(password)}
	if _, err := client.PutSecretValue(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.deny = []string{"secretsmanager:PutSecretValue"}
	_, err := client.PutSecretValue(t.Context(), in)
	wantCode(t, err, "AccessDeniedException")
	stranger := w.config()
	stranger.Credentials = credentials.NewStaticCredentialsProvider("AKIDSTRANGER", secretKey, "")
	_, err = secretsmanager.NewFromConfig(stranger).PutSecretValue(t.Context(), in)
	wantCode(t, err, "UnrecognizedClientException")

	calls := w.Calls().List(awshttp.Filter{})
	if len(calls) != 3 {
		t.Fatalf("%d calls recorded; want 3", len(calls))
	}
	for i, want := range []struct {
		principal, code string
		asked, allowed  bool
	}{{alice.ARN, "", true, true}, {alice.ARN, "AccessDeniedException", true, false}, {"", "UnrecognizedClientException", false, false}} {
		got := calls[i]
		if got.Principal != want.principal || got.Code != want.code || got.Operation != "PutSecretValue" || got.Service != "secretsmanager" || got.RequestID == "" {
			t.Errorf("call %d is %+v; want principal %q and code %q", i, got, want.principal, want.code)
		}
		if want.asked != (len(got.Accesses) == 1) || want.asked && (got.Accesses[0].Allowed != want.allowed || got.Accesses[0].Resource != "s") {
			t.Errorf("call %d asked %+v", i, got.Accesses)
		}
	}
	if got := calls[0].Accesses[0].Context["aws:RequestedRegion"]; len(got) != 1 || got[0] != "eu-west-1" {
		t.Errorf("aws:RequestedRegion is %v; want the region of the signature", got)
	}
	if text, err := json.Marshal(calls); err != nil || strings.Contains(string(text), password) {
		t.Errorf("the record holds an input value (%v): %s", err, text)
	}
}

func TestRecordFilterAndReset(t *testing.T) {
	w := newWorld(t)
	describe := func() {
		_, _ = w.Do(t.Context(), alice, "secretsmanager", "DescribeSecret", map[string]string{"SecretId": "s"})
	}
	describe()
	mark := w.Calls().Last()
	_, _ = w.Do(t.Context(), alice, "redshift", "DescribeClusters", nil)
	describe()
	for _, tc := range []struct {
		name   string
		filter awshttp.Filter
		want   int
	}{
		{"all", awshttp.Filter{}, 3},
		{"after", awshttp.Filter{After: mark}, 2},
		{"service", awshttp.Filter{Service: "redshift"}, 1},
		{"operation", awshttp.Filter{Operation: "DescribeSecret"}, 2},
		{"other principal", awshttp.Filter{Principal: "bob"}, 0},
		{"since now", awshttp.Filter{Since: w.clock.Now()}, 0},
	} {
		if got := w.Calls().List(tc.filter); len(got) != tc.want {
			t.Errorf("%s: %d calls; want %d", tc.name, len(got), tc.want)
		}
	}
	w.Calls().Reset()
	if got := w.Calls().List(awshttp.Filter{}); len(got) != 0 {
		t.Errorf("%d calls after Reset", len(got))
	}
}

func TestRecordIsBounded(t *testing.T) {
	w := newWorld(t)
	const kept, more = 50_000, 3
	for range kept + more {
		_, _ = w.Do(t.Context(), alice, "redshift", "NoSuchOperation", nil)
	}
	calls := w.Calls().List(awshttp.Filter{})
	if len(calls) != kept || calls[0].Seq != more+1 || calls[kept-1].Seq != kept+more {
		t.Errorf("%d calls from %d to %d; want the last %d", len(calls), calls[0].Seq, calls[len(calls)-1].Seq, kept)
	}
}
