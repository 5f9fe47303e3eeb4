package endtoend_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
	wanted "github.com/sluicehq/sluice/shared/source"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// names are those of everything that the stage makes.
var names = federation.Namer{Stage: "sandbox", Place: place}

// run runs a test of several in one stage.
func (f *federator) run(name string, test func(*federator)) {
	f.t.Run(name, func(t *testing.T) { test(f.in(t)) })
}

// told are the announcements of one kind about one federation, the oldest first.
func (f *federator) told(detailType, name string) (found []event.Federation) {
	f.t.Helper()
	all, err := f.Control().Events(f.t.Context(), busName)
	f.must(err)
	for _, e := range all {
		var envelope struct {
			Source     string           `json:"source"`
			DetailType string           `json:"detail-type"`
			Detail     event.Federation `json:"detail"`
		}
		if json.Unmarshal(e.Event, &envelope) != nil { // of another shape
			continue
		}
		if envelope.Source == event.Source && envelope.DetailType == detailType && envelope.Detail.Name == name {
			found = append(found, envelope.Detail)
		}
	}
	return found
}

// becomes lets time go by until a federation is in a phase for a reason and nobody works on it.
func (f *federator) becomes(name string, phase federation.Phase, reason string, within time.Duration) federation.Record {
	f.t.Helper()
	const step = 30 * time.Second
	f.Clock.Settle()
	var rec federation.Record
	for passed := time.Duration(0); ; passed += step {
		rec = f.record(name)
		if rec.Phase == phase && rec.Reason == reason && rec.Claim == nil {
			return rec
		}
		if passed >= within {
			break
		}
		f.pass(step)
	}
	f.t.Fatalf("after %s federation %s is %s %s (%s) at step %q; want %s %s\n%s", within, name, rec.Phase, rec.Reason, rec.Message, rec.At, phase, reason, f.lastWords())
	return rec
}

// gone withdraws a federation, if it is there, and waits until nothing is left of it.
func (f *federator) gone(name string) {
	f.t.Helper()
	if rec := f.record(name); rec.Generation == 0 || rec.Phase == federation.Removed {
		return
	}
	f.withdraw(name)
	f.becomes(name, federation.Removed, "", 20*time.Minute)
}

// A refusal is what is said of a federation that is blocked.
type refusal struct {
	reason string
	says   []string // parts of the message
	remedy string   // part of it
}

// refuses checks what a blocked federation and its announcement say, and that both say nothing of other causes.
func (f *federator) refuses(rec federation.Record, want refusal) {
	f.t.Helper()
	told := f.told(event.FederationBlocked, rec.Name)
	if len(told) == 0 {
		f.t.Errorf("%s is not announced as blocked", rec.Name)
		return
	}
	last := told[len(told)-1]
	if last.Reason != want.reason || last.Cause != rec.Message || last.Remedy != rec.Remedy {
		f.t.Errorf("announced: %+v; the record says %s (%s)", last, rec.Reason, rec.Message)
	}
	if rec.Phase != federation.Blocked || rec.Reason != want.reason {
		f.t.Errorf("%s is %s %s; want Blocked %s", rec.Name, rec.Phase, rec.Reason, want.reason)
	}
	for _, part := range want.says {
		if !strings.Contains(rec.Message, part) {
			f.t.Errorf("message %q does not say %q", rec.Message, part)
		}
	}
	if rec.Remedy == "" || !strings.Contains(rec.Remedy, want.remedy) {
		f.t.Errorf("remedy %q does not say %q", rec.Remedy, want.remedy)
	}
	text := strings.ReplaceAll(rec.Message, rec.Remedy, "") // which may name what else has to be seen to
	for word, reasons := range marks {
		if !slices.Contains(reasons, want.reason) && strings.Contains(text, word) {
			f.t.Errorf("message %q names another cause: %s", rec.Message, reasons)
		}
	}
}

// marks are words that only the messages of these causes have.
var marks = map[string][]string{
	"timeout expired":                        {warehouse.NetworkClosed},
	"interface endpoint":                     {warehouse.SecretsUnreachable},
	"password authentication failed":         {warehouse.PasswordRefused, wanted.AdminRefused},
	"authentication method 10":               {warehouse.ScramOnly},
	"SCRAM":                                  {warehouse.ScramOnly},
	"kms:":                                   {warehouse.KeyRefused, federation.KeyUnusable},
	"KMS key":                                {warehouse.KeyRefused, federation.KeyUnusable},
	"Not authorized to get credentials of":   {warehouse.RoleRefused},
	"there is no secret":                     {federation.SecretMissing},
	"is being deleted since":                 {federation.SecretDeleted},
	"serves source":                          {federation.SecretNotServing},
	"secretsmanager:GetSecretValue":          {warehouse.SecretRefused},
	"schema of the warehouse itself":         {warehouse.SchemaTaken},
	"is there and is not Sluice's: its tags": {federation.RoleTaken, federation.SecretTaken},
	"IAM roles":                              {federation.RoleLimit},
	"no rule lets the cluster in":            {federation.IngressNotAllowed},
	"the instance is":                        {federation.SourceAway},
	"no cluster":                             {federation.ClusterMissing},
	"is not allowed in warehouse":            {federation.SourceNotAllowed, federation.GranteeNotAllowed},
}

// changing are calls that change the world, and are none of the state, the queue or the log.
var changing = []string{
	"CreateSecret", "PutSecretValue", "RestoreSecret", "DeleteSecret", "TagResource", "CreateRole", "PutRolePolicy", "UpdateAssumeRolePolicy",
	"PutRolePermissionsBoundary", "DeleteRole", "DeleteRolePolicy", "ModifyClusterIamRoles", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress",
	"ExecuteStatement", "Invoke",
}

// changed are the calls with which the functions changed the world since the one with the given number.
func (f *federator) changed(after uint64) (all []string) {
	for _, c := range f.made(after) {
		if slices.Contains(changing, c.Operation) {
			all = append(all, c.Operation)
		}
	}
	return all
}

// secretOf makes a secret as somebody else would, and returns its ARN. user and password may be anything.
func (f *federator) secretOf(name, user, password string, more map[string]any) string {
	f.t.Helper()
	value, err := json.Marshal(map[string]string{"username": user, "password": password})
	f.must(err)
	in := map[string]any{"Name": name, "SecretString": string(value), "ClientRequestToken": uuid.New()}
	for k, v := range more {
		in[k] = v
	}
	return fmt.Sprint(f.do("secretsmanager", "CreateSecret", in)["ARN"])
}

// serving are the tags of a secret that serves a source.
func serving(source string) map[string]any {
	return map[string]any{"Tags": tagList(federation.TagSource, source)}
}

func tagList(keysAndValues ...string) (tags []map[string]any) {
	for kv := range slices.Chunk(keysAndValues, 2) {
		tags = append(tags, map[string]any{"Key": kv[0], "Value": kv[1]})
	}
	return tags
}

// setPassword stores another password in a secret of [federator.secretOf].
func (f *federator) setPassword(arn, user, password string) {
	f.t.Helper()
	value, err := json.Marshal(map[string]string{"username": user, "password": password})
	f.must(err)
	f.do("secretsmanager", "PutSecretValue", map[string]any{"SecretId": arn, "SecretString": string(value), "ClientRequestToken": uuid.New()})
}

// masterSecret is the ARN of the secret that RDS manages for an instance.
func (f *federator) masterSecret(instance string) string {
	f.t.Helper()
	i, ok := f.RDS.Instance(instance)
	if !ok || i.SecretARN == "" {
		f.t.Fatalf("RDS manages no secret of %q", instance)
	}
	return i.SecretARN
}

// reader makes a user in the source that reads everything. verifier is md5 or scram-sha-256.
func (f *federator) reader(user, password, verifier string) {
	f.t.Helper()
	s, err := f.Sources.Find(world.Orders)
	f.must(err)
	conn, err := s.Open(f.t.Context())
	f.must(err)
	defer func() { _ = conn.Close(f.t.Context()) }()
	_, err = conn.Exec(f.t.Context(), fmt.Sprintf(`SET password_encryption = '%s'; DO $$ BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		ALTER ROLE %[2]s PASSWORD '%s'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO %[2]s; GRANT USAGE ON SCHEMA public TO %[2]s`, verifier, user, password))
	f.must(err)
}

// of is how often each operation was called.
func of(calls []awshttp.Record) map[string]int {
	n := map[string]int{}
	for _, c := range calls {
		n[c.Operation]++
	}
	return n
}

// deadLetters are the messages of the dead-letter queue, with their reasons.
func (f *federator) deadLetters() (found []deadLetter) {
	for _, m := range f.SQS.Messages(deadQueue) {
		d := deadLetter{body: m.Body}
		for name, a := range m.Attributes {
			switch strings.ToLower(name) {
			case "reason":
				d.reason = a.Text
			case "message":
				d.message = a.Text
			}
		}
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b deadLetter) int { return cmp.Compare(a.body, b.body) })
	return found
}

type deadLetter struct{ body, reason, message string }

// post puts a message on the work queue, as it is.
func (f *federator) post(body string) {
	f.t.Helper()
	f.must(f.SQS.Send(f.t.Context(), operator, "arn:aws:sqs:us-east-1:"+awshttp.Account+":"+workQueue, body, 0))
}
