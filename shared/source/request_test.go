package source_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/source"
)

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/example/source/orders-9f86d081-a1b2c3"

// full is the request of events/login/ensure.json.
var full = source.Request{
	Action: source.Ensure, Federation: "orders", User: "sluice_orders_9f86d081", Mark: "sluice: 111122223333 us-east-1 example orders",
	Endpoint: source.Endpoint{Host: "orders-prod.abc123xyz789.us-east-1.rds.amazonaws.com", Port: 5432, Database: "orders", Schema: "public"},
	Admin:    "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-a1b2c3", Secret: arn,
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../events", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeRequest(t *testing.T) {
	drop := full
	drop.Action, drop.Secret = source.Drop, ""
	for name, want := range map[string]source.Request{"login/ensure.json": full, "login/drop.json": drop} {
		if got, err := source.DecodeRequest(sample(t, name)); err != nil || got != want {
			t.Errorf("%s: %+v, %v\nwant %+v", name, got, err, want)
		}
		var members map[string]any
		text, err := json.Marshal(want)
		if err != nil || json.Unmarshal(text, &members) != nil || len(members) == 0 {
			t.Fatal(err)
		}
		var written map[string]any
		if err := json.Unmarshal(sample(t, name), &written); err != nil || !reflect.DeepEqual(members, written) {
			t.Errorf("%s is sent as %s", name, text)
		}
	}
	for name, tc := range map[string]struct {
		payload []byte
		want    []string
	}{
		"no mark":          {sample(t, "login/refused-no-mark.json"), []string{"mark"}},
		"federation event": {sample(t, "login/refused-source-requested.json"), []string{"payload"}},
		"nothing":          {nil, []string{"payload"}},
		"null":             {[]byte("null"), []string{"action", "endpoint.host", "endpoint.database", "endpoint.schema", "admin", "user", "mark", "endpoint.port"}},
		"unknown field":    {[]byte(`{"action":"ensure","password":"x"}`), []string{"payload"}},
		"unknown action":   {change(func(r *source.Request) { r.Action = "grant" }), []string{"action"}},
		"no secret":        {change(func(r *source.Request) { r.Secret = "" }), []string{"secret"}},
		"port":             {change(func(r *source.Request) { r.Endpoint.Port = 65536 }), []string{"endpoint.port"}},
		"user is too long": {change(func(r *source.Request) { r.User = strings.Repeat("u", 64) }), []string{"user"}},
		"user is odd":      {change(func(r *source.Request) { r.User = `sluice"x` }), []string{"user"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := source.DecodeRequest(tc.payload)
			problems, ok := errors.AsType[fault.Problems](err)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if got := where(t, problems); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %v, want %v", got, tc.want)
			}
		})
	}
}

func change(how func(*source.Request)) []byte {
	r := full
	how(&r)
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return text
}

// What login answers arrives as it was, errors with all their parts.
func TestReplyTravels(t *testing.T) {
	for name, tc := range map[string]struct {
		answer source.Answer
		err    error
	}{
		"done":         {source.Answer{Changed: true, Uncovered: []string{"app"}}, nil},
		"nothing done": {source.Answer{}, nil},
		"blocked":      {source.Answer{}, &fault.Error{Kind: fault.Blocked, Reason: source.ScramOnly, Op: "prove login", Subject: "user u", Err: errors.New("no"), Fix: "do it"}},
		"short":        {source.Answer{}, &fault.Error{Kind: fault.Retry, Reason: source.SourceBusy, Op: "grant"}},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := json.Marshal(source.ReplyWith(tc.answer, tc.err))
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.DecodeReply(output)
			if !reflect.DeepEqual(got, tc.answer) || fmt.Sprint(err) != fmt.Sprint(tc.err) || fault.KindOf(err) != fault.KindOf(tc.err) || fault.ReasonOf(err) != fault.ReasonOf(tc.err) || fault.FixOf(err) != fault.FixOf(tc.err) {
				t.Errorf("%s\narrives as %+v, %v\nwant %+v, %v", output, got, err, tc.answer, tc.err)
			}
		})
	}
	for _, output := range []string{"", "null", "{}", `"done"`} {
		if _, err := source.DecodeReply([]byte(output)); fault.KindOf(err) != fault.Bug || fault.ReasonOf(err) != "Unforeseen" {
			t.Errorf("%q: %v", output, err)
		}
	}
	if _, err := source.ReplyWith(source.Answer{}, errors.New("plain")).Result(); fault.KindOf(err) != fault.Bug || !strings.Contains(err.Error(), "plain") {
		t.Error(err)
	}
}

func TestCredential(t *testing.T) {
	whole := source.Credential{Engine: "postgres", Host: "h", Port: 5433, User: "u", Password: secret.New(`p"\ü`), Database: "d", Instance: "i"}
	for text, want := range map[string]source.Credential{
		whole.Encode().Reveal():                                  whole,
		`{"username":"u","password":"p\"\\ü"}`:                   {User: "u", Password: whole.Password},
		`{"username":"u","password":"p\"\\ü","port":"5433"}`:     {User: "u", Password: whole.Password, Port: 5433},
		`{"username":"u","password":"p\"\\ü","port":""}`:         {User: "u", Password: whole.Password},
		`{"username":"u","password":"p\"\\ü","masterarn":"a"}`:   {User: "u", Password: whole.Password},
		`{"username":"u","password":"p\"\\ü","Engine":"oracle"}`: {User: "u", Password: whole.Password},
	} {
		got, err := source.DecodeCredential(arn, secret.New(text))
		if err != nil || got.Password.Reveal() != want.Password.Reveal() {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		got.Password = want.Password
		if got != want {
			t.Errorf("%s: %+v\nwant %+v", text, got, want)
		}
	}
	const members = `{"engine":"postgres","host":"h","port":5432,"username":"u","password":"EXAMPLE","dbname":"d","dbInstanceIdentifier":"i"}`
	if got := (source.Credential{Engine: "postgres", Host: "h", Port: 5432, User: "u", Password: secret.New("EXAMPLE"), Database: "d", Instance: "i"}).Encode().Reveal(); got != members {
		t.Errorf("Encode = %s", got)
	}
	for text, says := range map[string]string{
		"": "not a JSON object", "horse": "not a JSON object", `["horse"]`: "not a JSON object", "{}": "username is missing", "null": "username is missing",
		`{"username":"u"}`: "password is missing", `{"Username":"u","password":"horse"}`: "username is missing",
		`{"username":"u","password":4711}`: "password is not a text", `{"username":"u","password":"horse","port":"horse"}`: "port is not a number",
		`{"username":"u","password":"horse","port":70000}`: "port is not a number", `{"username":"u","password":"x`: "not a JSON object",
	} {
		_, err := source.DecodeCredential(arn, secret.New(text))
		if fault.KindOf(err) != fault.Blocked || fault.ReasonOf(err) != source.SecretUnreadable || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), arn) {
			t.Errorf("%s: %v; want %q", text, err, says)
		} else if strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "4711") {
			t.Errorf("%v: quotes the value", err)
		}
	}
}
