package awshttp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// shapes has a field of every kind that an input may have.
type shapes struct {
	Text   string
	Number *int32
	Truth  bool
	At     time.Time
	Blob   []byte
	List   []string
	Pairs  []tag
	Map    map[string]string
	Deep   *shapes
	Any    any
}

// decoding is a server with one operation that decodes into shapes.
func decoding(t testing.TB, protocol awshttp.Protocol, decoded *shapes) *awshttp.Server {
	w := &world{clock: clock.New(t.Context())}
	s := awshttp.New(awshttp.Config{Clock: w.clock, Caller: w, Authorizer: w})
	s.Register(awshttp.Service{Name: "shapes", Protocol: protocol, Target: "Shapes", Operations: map[string]awshttp.Operation{
		"Take": func(_ context.Context, c *awshttp.Call) (any, error) {
			*decoded = shapes{}
			return nil, c.Decode(decoded)
		}}})
	return s
}

// take sends a body that is signed as it is.
func take(t testing.TB, s *awshttp.Server, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "Shapes.Take")
	sign(t, r, body, "shapes", time.Now())
	r.Body = io.NopCloser(strings.NewReader(body))
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	return answer
}

func TestDecodeQuery(t *testing.T) {
	var got shapes
	s := decoding(t, awshttp.Query, &got)
	body := "Action=Take&Version=1&Text=a+b&Number=7&Truth=true&At=2026-01-02T12:00:00.250Z&Blob=aGk%3D" +
		"&List.member.2=b&List.member.10=c&List.member.1=a&Pairs.Tag.1.Key=k&Pairs.Tag.1.Value=v" +
		"&Map.entry.1.key=x.y&Map.entry.1.value=z&Deep.Deep.Text=t&Deep.List="
	if answer := take(t, s, body); answer.Code != http.StatusOK {
		t.Fatalf("answer is %s", answer.Body)
	}
	if got.Text != "a b" || *got.Number != 7 || !got.Truth || !got.At.Equal(noon) || string(got.Blob) != "hi" ||
		strings.Join(got.List, "") != "abc" || got.Pairs[0] != (tag{"k", "v"}) || got.Map["x.y"] != "z" ||
		got.Deep.Deep.Text != "t" || got.Deep.List == nil || len(got.Deep.List) != 0 {
		t.Errorf("decoded %+v", got)
	}
}

func TestDecodeJSON(t *testing.T) {
	var got shapes
	s := decoding(t, awshttp.JSON, &got)
	body := `{"Text":"a","Number":7,"Truth":true,"At":1767355200.25,"Blob":"aGk=","List":["a"],"Pairs":[{"Key":"k"}],"Map":{"x":"z"},"Deep":{"Text":"t"},"Any":{"b":[1]}}`
	if answer := take(t, s, body); answer.Code != http.StatusOK {
		t.Fatalf("answer is %s", answer.Body)
	}
	if got.Text != "a" || *got.Number != 7 || !got.Truth || !got.At.Equal(noon) || string(got.Blob) != "hi" || got.List[0] != "a" ||
		got.Pairs[0].Key != "k" || got.Map["x"] != "z" || got.Deep.Text != "t" || got.Any.(map[string]any)["b"] == nil {
		t.Errorf("decoded %+v", got)
	}
}

func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	for _, tc := range []struct {
		protocol awshttp.Protocol
		body     string
		want     string // in the answer
	}{
		{awshttp.JSON, `{"Text":1}`, "'Text' must be a string"},
		{awshttp.JSON, `{"Number":"7"}`, "'Number' must be an integer"},
		{awshttp.JSON, `{"Number":7.5}`, "'Number' must be an integer"},
		{awshttp.JSON, `{"Number":3000000000}`, "'Number' must be an integer"},
		{awshttp.JSON, `{"Truth":"true"}`, "'Truth' must be a boolean"},
		{awshttp.JSON, `{"List":"a","Blob":"!"}`, "'Blob' must be base64; 'List' must be a list"},
		{awshttp.JSON, `{"List":[null]}`, "'List.1.member' must be a value"},
		{awshttp.JSON, `{"Deep":[]}`, "'Deep' must be a structure"},
		{awshttp.JSON, `{"text":"case"}`, "does not have member"},
		{awshttp.JSON, `{"Deep":{"More":1}}`, "Deep.More"},
		{awshttp.JSON, `[1]`, "not a JSON object"},
		{awshttp.JSON, `{}{}`, "goes on"},
		{awshttp.Query, "Action=Take&Number=x", "must be an integer"},
		{awshttp.Query, "Action=Take&Text=a&Text.member.1=b", "both a value and a structure"},
		{awshttp.Query, "Action=Take&List.member.x=a", "must be a list"},
		{awshttp.Query, "Action=Take&List.a.1=a&List.b.1=a", "must be a list"},
		{awshttp.Query, "Action=Take&Map.entry.1.value=a", "must be a map"},
		{awshttp.Query, "Action=Take&" + strings.Repeat("Deep.", 20) + "Text=a", "too deeply"},
		{awshttp.Query, "Action=Take&%zz", "not a form"},
	} {
		var got shapes
		answer := take(t, decoding(t, tc.protocol, &got), tc.body)
		message := strings.ReplaceAll(answer.Body.String(), "&#39;", "'")
		if answer.Code < 400 || answer.Code == 500 || !strings.Contains(message, tc.want) {
			t.Errorf("%s: answer is %d %s; want %q", tc.body, answer.Code, answer.Body, tc.want)
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	for _, seed := range []string{"Action=Take", "Action=Take&List.member.1=a&List.member.1.x=b", "Action=Take&Map.entry.1.key=a", "Action=Take&.=&..=.",
		"Action=Take&Pairs.member.-1.Key=a", "Action=Take&Deep=&Deep.Text=", "Action=Take&Any.x=1&At=now&Blob=%00", "Action=Take&List.member.1.a=b"} {
		f.Add(seed)
	}
	var got shapes
	s := decoding(f, awshttp.Query, &got)
	f.Fuzz(func(t *testing.T, body string) {
		// Anything may be refused, but nothing may panic or look like the service's own failure.
		if answer := take(t, s, body); answer.Code == http.StatusInternalServerError {
			t.Errorf("%q: answer is %s", body, answer.Body)
		}
	})
}
