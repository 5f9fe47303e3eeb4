package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/shared/secret"
)

// leaks searches what the whole run printed, logged, announced, recorded, queued and kept as state for every password.
func (d *demo) leaks(ctx context.Context) error {
	places, err := d.output(ctx)
	if err != nil {
		return err
	}
	minted := d.passwords()
	var found []string
	size := 0
	for name, text := range places {
		size += len(text)
		for _, password := range minted {
			if strings.Contains(text, password.Reveal()) {
				found = append(found, name)
				break
			}
		}
	}
	saw := fmt.Sprintf("%d passwords, verifiers and keys, %d kB of output in %d places", len(minted), size>>10, len(places))
	if len(found) > 0 {
		slices.Sort(found)
		saw = "found in " + strings.Join(found, ", ")
	}
	d.prove(len(found) == 0 && len(d.world.Minted()) > 0 && size > 0, "no password is in any output", "%s", saw)
	return nil
}

// passwords are all that were given out: by the warehouse, to the master users of sources, and by Secrets Manager for the logins
// in them. Of the latter there is what PostgreSQL keeps as well, which is as good as the password. The operator's secret key is one, too.
func (d *demo) passwords() []secret.Value {
	random := d.world.Secrets.Passwords()
	all := slices.Concat(d.world.Minted(), d.world.Sources.Passwords(), random, []secret.Value{d.world.Operator.SecretAccessKey})
	for _, password := range random {
		verifier := md5.Sum([]byte(password.Reveal() + d.made.Login))
		all = append(all, secret.New(hex.EncodeToString(verifier[:])))
	}
	return all
}

// output is everything that the run left for somebody to see, by where it is.
func (d *demo) output(ctx context.Context) (map[string]string, error) {
	places := map[string]string{"what this demo printed": d.said.String()}
	keep := func(name string, v any, err error) error {
		if err != nil {
			return err
		}
		text, err := json.Marshal(v)
		places[name] = string(text)
		return err
	}
	calls, err := d.control.Calls(ctx, awshttp.Filter{})
	if err := keep("recorded calls", calls, err); err != nil {
		return nil, err
	}
	deployed, err := d.control.Resources(ctx)
	if err := keep("deployed resources", deployed, err); err != nil {
		return nil, err
	}
	for _, bus := range []string{busName, "default"} {
		events, err := d.control.Events(ctx, bus)
		if err := keep("events of bus "+bus, events, err); err != nil {
			return nil, err
		}
	}
	about, err := d.control.World(ctx)
	if err := keep("description of the sandbox", about, err); err != nil {
		return nil, err
	}
	for _, queue := range []string{workQueue, deadQueue} {
		messages, err := d.control.Messages(ctx, queue)
		if err := keep("queue "+queue, messages, err); err != nil {
			return nil, err
		}
	}
	statements, err := d.control.Statements(ctx, source.Filter{})
	if err := keep("statements in the source", statements, err); err != nil {
		return nil, err
	}
	state, err := dynamodb.NewFromConfig(d.aws).Scan(ctx, &dynamodb.ScanInput{TableName: new(tableName)})
	if err != nil {
		return nil, fmt.Errorf("read the table of the federations: %w", err)
	}
	if err := keep("table "+tableName, state.Items, nil); err != nil {
		return nil, err
	}
	for i, printed := range d.heard {
		places[fmt.Sprintf("what process %d of the application printed", i+1)] = printed
	}
	err = filepath.WalkDir(about.Logs, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		places["log "+filepath.Base(path)] = string(text)
		return err
	})
	return places, err
}

// reasons lists the different reasons in the details of failing announcements.
func reasons(details []map[string]any) string {
	seen := make(map[string]bool)
	for _, detail := range details {
		seen[fmt.Sprint(detail["reason"])] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
}
