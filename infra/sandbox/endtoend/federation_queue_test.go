package endtoend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/federation"
)

func sourceDatabase(id string) source.Database { return source.Database{Identifier: id} }

// commandFile is the operator's command, built once.
var commandFile = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "sluice")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "sluice")
	out, err := exec.Command("go", "build", "-o", file, "../../sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the operator's command: %w\n%s", err, out)
	}
	return file, nil
})

// command runs the operator's command as the operator would, and returns what it prints.
func (f *federator) command(arguments ...string) string {
	f.t.Helper()
	file, err := commandFile()
	f.must(err)
	variables, err := f.Environment()
	f.must(err)
	c := exec.CommandContext(f.t.Context(), file, append(arguments, "-config", "../../config/sandbox.json")...)
	c.Env = os.Environ()
	for _, v := range variables {
		c.Env = append(c.Env, v.Name+"="+v.Value)
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		f.t.Fatalf("sluice %s: %v\n%s", strings.Join(arguments, " "), err, out.String())
	}
	f.Clock.Settle()
	return out.String()
}

// emptyDead forgets the dead letters.
func (f *federator) emptyDead() {
	f.t.Helper()
	f.do("sqs", "PurgeQueue", map[string]any{"QueueUrl": f.SQS.URL("arn:aws:sqs:us-east-1:" + awshttp.Account + ":" + deadQueue)})
	f.pass(time.Minute)
}

// A message that can never succeed gets to people with its reason, and holds up nobody.
//
// Scenario 36
func TestFederationPoison(t *testing.T) {
	t.Parallel()
	f := federating(t)
	document := func(w federation.Wanted) string {
		text, err := json.Marshal(w)
		f.must(err)
		return string(text)
	}
	envelope := func(detailType, detail string) string {
		return fmt.Sprintf(`{"version":"0","id":"1","detail-type":%q,"source":"test","account":%q,"time":%q,"region":"us-east-1","resources":[],"detail":%s}`,
			detailType, awshttp.Account, f.Clock.Now().Format(time.RFC3339), detail)
	}
	poison := []struct{ name, body, reason, says string }{
		{"no JSON", `{"detail-type": `, "Malformed", "JSON"},
		{"another JSON", `["detail-type"]`, "Malformed", "JSON object"},
		{"a document that is none", envelope(event.SourceRequested, `"orders"`), "Malformed", "document"},
		{"an unknown member", envelope(event.SourceRequested, strings.Replace(document(orders("bad")), "{", `{"rolearn":"x",`, 1)), "Malformed", "rolearn"},
		{"a document with mistakes", envelope(event.SourceRequested, document(orders("bad", func(w *federation.Wanted) { w.Name, w.Schema = "Bad Name", "pg_x" }))), "Malformed", "Bad Name"},
		{"nothing to withdraw", envelope(event.SourceWithdrawn, `{}`), "Malformed", "detail.name"},
		{"no task", `{"sluice":"dance"}`, "Malformed", "dance"},
		{"another account's", strings.Replace(envelope(event.SourceRequested, document(orders("bad"))), awshttp.Account, otherAccount, 1), federation.OtherAccount, otherAccount},
	}
	var all sync.WaitGroup
	for i, p := range poison {
		all.Go(func() { f.post(p.body) })
		if i%4 == 0 {
			all.Go(func() { f.posted(event.SourceRequested, f.Clock.Now(), orders(fmt.Sprintf("good-%d", i/4))) })
		}
	}
	all.Wait()
	for _, name := range []string{"good-0", "good-1"} {
		f.reaches(name, federation.Ready, "")
	}
	dead := map[string]deadLetter{}
	for _, d := range f.deadLetters() {
		dead[d.body] = d
	}
	if len(dead) != len(poison) {
		t.Errorf("%d dead letters, want %d", len(dead), len(poison))
	}
	for _, p := range poison {
		if d, ok := dead[p.body]; !ok || d.reason != p.reason || !strings.Contains(d.message, p.says) {
			t.Errorf("%s: %+v; want %s that says %q", p.name, d, p.reason, p.says)
		}
	}
	for _, m := range f.SQS.Messages(workQueue) {
		t.Errorf("on the queue is still %s", m.Body)
	}
	if out := f.command("redrive"); !strings.Contains(out, "0 messages brought back") || !strings.Contains(out, "8 messages cannot succeed unchanged") || len(f.deadLetters()) != len(poison) {
		t.Errorf("sluice redrive says:\n%s", out)
	}
	f.pass(time.Minute) // until they can be received again
	if out := f.command("redrive", "-all"); !strings.Contains(out, "8 messages brought back") || !strings.Contains(out, "OtherAccount") {
		t.Errorf("sluice redrive -all says:\n%s", out)
	}
	f.pass(time.Minute)
	if again := f.deadLetters(); len(again) != len(poison) {
		t.Errorf("%d of %d that cannot succeed are dead letters again", len(again), len(poison))
	}
	f.gone("good-0")
	f.gone("good-1")
	f.emptyDead()
}

// What fails for another reason than itself is tried again, gets to people after a few times, and succeeds when it is brought back.
//
// Scenario 36
func TestFederationRedrive(t *testing.T) {
	t.Parallel()
	f := federating(t)
	allow := f.forbid(f.provision, "dynamodb:GetItem")
	f.pass(world.IAMDelay)
	f.request(orders("delayed"))
	f.pass(time.Hour)
	dead := f.SQS.Messages(deadQueue)
	if len(dead) != 1 || !strings.Contains(dead[0].Body, "delayed") {
		t.Fatalf("dead letters: %+v", dead)
	}
	allow()
	f.pass(world.IAMDelay)
	if out := f.command("redrive"); !strings.Contains(out, "1 message brought back") {
		t.Errorf("sluice redrive says:\n%s", out)
	}
	f.reaches("delayed", federation.Ready, "")
	if out := f.command("status", "delayed"); !strings.Contains(out, "Ready") {
		t.Errorf("sluice status says:\n%s", out)
	}
	f.gone("delayed")
}
