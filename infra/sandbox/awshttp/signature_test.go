package awshttp_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const describe = `{"SecretId":"s"}`

// signed is a request that the SDK's signer signed at the given time.
func signed(t *testing.T, w *world, at time.Time) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/?b=2&a=x/y&a=x-y&c=%20", strings.NewReader(describe))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "secretsmanager.DescribeSecret")
	r.Header.Set("X-Spaces", "  a   b ")
	sign(t, r, describe, "secretsmanager", at)
	return r
}

// sign puts alice's signature on a request.
func sign(t testing.TB, r *http.Request, body, service string, at time.Time) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
}

// send returns the status and the error code of the answer.
func send(t *testing.T, r *http.Request) (status int, code string) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failure struct {
		Type string `json:"__type"`
	}
	if err := json.Unmarshal(body, &failure); err != nil {
		t.Fatalf("decode %q: %v", body, err)
	}
	return answer.StatusCode, failure.Type
}

func TestSignature(t *testing.T) {
	const bad = "InvalidSignatureException"
	for _, tc := range []struct {
		name   string
		age    time.Duration
		tamper func(*http.Request)
		want   string // error code
	}{
		{"untouched", 0, func(*http.Request) {}, ""},
		{"almost too old", 14 * time.Minute, func(*http.Request) {}, ""},
		{"too old", 16 * time.Minute, func(*http.Request) {}, bad},
		{"from the future", -16 * time.Minute, func(*http.Request) {}, bad},
		{"body changed", 0, func(r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader([]byte(strings.Replace(describe, "s", "t", 1))))
		}, bad},
		{"unsigned payload claimed", 0, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, bad},
		{"operation changed", 0, func(r *http.Request) { r.Header.Set("X-Amz-Target", "secretsmanager.PutSecretValue") }, bad},
		{"query changed", 0, func(r *http.Request) { r.URL.RawQuery += "&d=1" }, bad},
		{"path changed", 0, func(r *http.Request) { r.URL.Path = "/other" }, bad},
		{"method changed", 0, func(r *http.Request) { r.Method = http.MethodPut }, bad},
		{"unsigned AWS header added", 0, func(r *http.Request) { r.Header.Set("X-Amz-Extra", "1") }, bad},
		{"unsigned foreign header added", 0, func(r *http.Request) { r.Header.Set("X-Extra", "1") }, ""},
		{"session token added", 0, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "t") }, "ExpiredTokenException"},
		{"other region", 0, replaceInAuthorization("eu-west-1", "us-east-1"), bad},
		{"host not signed", 0, replaceInAuthorization("host;", ""), bad},
		{"other key", 0, replaceInAuthorization(accessKey, "AKIDOTHER"), "UnrecognizedClientException"},
		{"scope too short", 0, replaceInAuthorization("/aws4_request", ""), "IncompleteSignatureException"},
		{"no signature value", 0, func(r *http.Request) {
			header, _, _ := strings.Cut(r.Header.Get("Authorization"), ", Signature")
			r.Header.Set("Authorization", header)
		}, "IncompleteSignatureException"},
		{"not signed at all", 0, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		{"another algorithm", 0, replaceInAuthorization("AWS4-HMAC", "AWS4-ECDSA"), "IncompleteSignatureException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.store.set("s", "v")
			r := signed(t, w, time.Now().Add(-tc.age))
			tc.tamper(r)
			if status, code := send(t, r); code != tc.want || (status == http.StatusOK) != (tc.want == "") {
				t.Errorf("answer is %d %q; want %q", status, code, tc.want)
			}
		})
	}
}

func replaceInAuthorization(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func TestWrongSecretKeyInEveryProtocol(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	c.Credentials = credentials.NewStaticCredentialsProvider(accessKey, secretKey+"x", "")
	_, err := secretsmanager.NewFromConfig(c).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("s")})
	wantCode(t, err, "InvalidSignatureException")
	_, err = redshift.NewFromConfig(c).DescribeClusters(t.Context(), nil)
	wantCode(t, err, "SignatureDoesNotMatch")
	_, err = scheduler.NewFromConfig(c).GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: new("n")})
	wantCode(t, err, "InvalidSignatureException")
}

func TestExpiredSession(t *testing.T) {
	w := newWorld(t)
	w.token = "session"
	c := w.config()
	w.token = "the session that came after it"
	_, err := redshift.NewFromConfig(c).DescribeClusters(t.Context(), nil)
	wantCode(t, err, "ExpiredToken")
	w.token = "session"
	if _, err := redshift.NewFromConfig(c).DescribeClusters(t.Context(), nil); err != nil {
		t.Errorf("the session that is alive: %v", err)
	}
}

// TestClientsFollowTheClock moves the sandbox's clock far ahead, in steps, under a client that corrects its own clock
// by each answer and one that never does.
func TestClientsFollowTheClock(t *testing.T) {
	w := newWorld(t)
	w.store.set("s", "v")
	client := secretsmanager.NewFromConfig(w.config())
	for range 3 {
		if _, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new("s")}); err != nil {
			t.Fatalf("corrected client: %v", err)
		}
		if _, code := send(t, signed(t, w, time.Now())); code != "" {
			t.Fatalf("uncorrected client: %s", code)
		}
		w.clock.Advance(7 * time.Hour)
	}
}

func TestDateHeaderShowsTheSandboxClock(t *testing.T) {
	w := newWorld(t)
	w.clock.Advance(48 * time.Hour)
	answer, err := http.DefaultClient.Do(signed(t, w, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if gap := time.Until(date); err != nil || gap < 47*time.Hour || gap > 49*time.Hour {
		t.Errorf("Date is %q (%v ahead); want about 48h ahead", answer.Header.Get("Date"), gap)
	}
	if answer.Header.Get("X-Amzn-Requestid") == "" {
		t.Error("X-Amzn-Requestid is empty")
	}
}
