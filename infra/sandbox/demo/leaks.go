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
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/source"
	"github.com/sluicehq/sluice/shared/secret"
)

// leaks searches what the whole run printed, logged, announced, recorded and tagged for every password that was minted.
func (d *demo) leaks(ctx context.Context) error {
	places, err := d.output(ctx)
	if err != nil {
		return err
	}
	minted := slices.Concat(d.world.Minted(), d.world.Sources.Passwords(), d.passwords)
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
	saw := fmt.Sprintf("%d passwords, %d kB of output in %d places", len(minted), size>>10, len(places))
	if len(found) > 0 {
		slices.Sort(found)
		saw = "found in " + strings.Join(found, ", ")
	}
	d.prove(len(found) == 0 && len(minted) > 0 && size > 0, "no password is in any output", "%s", saw)
	return nil
}

// keepPassword remembers the password of the federation's login, and what PostgreSQL is told instead of it.
func (d *demo) keepPassword(ctx context.Context) error {
	out, err := d.operator.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &d.made.Secret})
	if err != nil {
		return fmt.Errorf("read secret %s: %w", d.made.Secret, err)
	}
	var value struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(*out.SecretString), &value); err != nil || value.Password == "" {
		return fmt.Errorf("read secret %s: its value is not the JSON that is expected", d.made.Secret)
	}
	verifier := md5.Sum([]byte(value.Password + value.Username)) // as PostgreSQL has it; it is as good as the password
	for _, p := range []string{value.Password, hex.EncodeToString(verifier[:])} {
		if !slices.ContainsFunc(d.passwords, func(kept secret.Value) bool { return kept.Reveal() == p }) {
			d.passwords = append(d.passwords, secret.New(p))
		}
	}
	return nil
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
