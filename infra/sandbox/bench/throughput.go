package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

const (
	consumers  = 1000
	chunk      = 100 // rotations of one side before it is the other's turn
	concurrent = 8   // rotations at one time
)

// operator is who sets the measurement up.
var operator = awshttp.Principal{ARN: "arn:aws:iam::" + awshttp.Account + ":user/operator", Account: awshttp.Account}

// A side is one of the two rotation functions, with a secret for each consumer.
type side struct {
	name    string
	secrets []string
	rates   []float64 // rotations a second, of each chunk
}

// measureThroughput rotates the secrets of all consumers, once with the product and once with the bare calls.
func measureThroughput(ctx context.Context, w *world.World, rotate, bare string) error {
	product := settings.Rotate{Stage: "bench", Bus: "default", Timings: settings.DefaultTimings(), Warehouse: warehouse.Warehouse{
		Name: "analytics", Cluster: world.Cluster, Verify: warehouse.VerifyLogin,
		Allow: warehouse.Allowance{Databases: []string{world.Database}, Users: []string{world.User}, Groups: []string{world.Group}},
	}}
	sides := []*side{{name: "rotate"}, {name: "bare"}}
	for i, binary := range []string{rotate, bare} {
		env := map[string]string{}
		if i == 0 {
			env = product.Env()
		}
		if err := sides[i].prepare(ctx, w, binary, env); err != nil {
			return fmt.Errorf("prepare the function %s: %w", sides[i].name, err)
		}
	}
	for from := 0; from < consumers; from += chunk {
		for _, s := range sides {
			if err := s.rotate(ctx, w, s.secrets[from:from+chunk]); err != nil {
				return err
			}
		}
	}
	var ratios []float64
	for i := range sides[0].rates {
		ratios = append(ratios, sides[0].rates[i]/sides[1].rates[i])
	}
	ratio := median(ratios)
	figure(fmt.Sprintf("rotations of %d consumers", consumers), fmt.Sprintf("%.0f/s, bare calls %.0f/s, ratio %.2f", median(sides[0].rates), median(sides[1].rates), ratio), ratio >= 0.7, "at least 0.7")
	return reportMemory("rotate")
}

// prepare makes a function with a role that may do everything, and a secret for each consumer that it rotates.
func (s *side) prepare(ctx context.Context, w *world.World, binary string, env map[string]string) error {
	folder, err := filepath.Abs(filepath.Dir(binary))
	if err != nil {
		return err
	}
	function := "bench-" + s.name
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	everything := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	for _, call := range []struct {
		service, operation string
		input              map[string]any
	}{
		{"iam", "CreateRole", map[string]any{"RoleName": function, "AssumeRolePolicyDocument": trust}},
		{"iam", "PutRolePolicy", map[string]any{"RoleName": function, "PolicyName": "everything", "PolicyDocument": everything}},
		{"lambda", "CreateFunction", map[string]any{
			"FunctionName": function, "Role": "arn:aws:iam::" + awshttp.Account + ":role/" + function, "Runtime": "provided.al2023", "Handler": "bootstrap",
			"Timeout": 30, "MemorySize": 128, "Code": map[string]any{"SandboxFolder": folder}, "Environment": map[string]any{"Variables": env},
		}},
		{"lambda", "AddPermission", map[string]any{
			"FunctionName": function, "StatementId": "rotate", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com",
		}},
	} {
		if _, err := w.AWS.Do(ctx, operator, call.service, call.operation, call.input); err != nil {
			return err
		}
	}
	for i := range consumers {
		name := fmt.Sprintf("bench/%s/%d", s.name, i)
		if err := makeSecret(ctx, w, name, fmt.Sprintf("consumer%d", i), function); err != nil {
			return err
		}
		s.secrets = append(s.secrets, name)
	}
	return nil
}

// makeSecret makes the secret of one consumer, with its rotation function but without a first rotation.
func makeSecret(ctx context.Context, w *world.World, name, consumer, function string) error {
	c := settings.Consumer{Stage: "bench", Name: consumer, Warehouse: "analytics", API: settings.GetClusterCredentials,
		Login: warehouse.Login{Database: world.Database, User: world.User, Groups: []string{world.Group}}}
	var tags []map[string]string
	for _, key := range slices.Sorted(maps.Keys(c.Tags())) {
		tags = append(tags, map[string]string{"Key": key, "Value": c.Tags()[key]})
	}
	if _, err := w.AWS.Do(ctx, operator, "secretsmanager", "CreateSecret", map[string]any{
		"Name": name, "SecretString": settings.Placeholder, "ClientRequestToken": token(), "Tags": tags,
	}); err != nil {
		return err
	}
	_, err := w.AWS.Do(ctx, operator, "secretsmanager", "RotateSecret", map[string]any{
		"SecretId": name, "ClientRequestToken": token(), "RotateImmediately": false,
		"RotationLambdaARN": "arn:aws:lambda:" + awshttp.DefaultRegion + ":" + awshttp.Account + ":function:" + function,
		"RotationRules":     map[string]any{"ScheduleExpression": "rate(999 days)"},
	})
	w.Clock.Settle() // it tries the function with a throw-away version
	return err
}

// rotate rotates some secrets, several at a time, and keeps how many a second that was.
func (s *side) rotate(ctx context.Context, w *world.World, secrets []string) error {
	before := w.AWS.Calls().Last()
	began := time.Now()
	for group := range slices.Chunk(secrets, concurrent) {
		for _, name := range group {
			if _, err := w.AWS.Do(ctx, operator, "secretsmanager", "RotateSecret", map[string]any{"SecretId": name, "ClientRequestToken": token()}); err != nil {
				return fmt.Errorf("rotate %s: %w", name, err)
			}
		}
		w.Clock.Settle()
	}
	s.rates = append(s.rates, float64(len(secrets))/time.Since(began).Seconds())
	done := len(w.AWS.Calls().List(awshttp.Filter{After: before, Service: "secretsmanager", Operation: "UpdateSecretVersionStage"}))
	if done < len(secrets) {
		return fmt.Errorf("%s finished %d of %d rotations; see its log", s.name, done, len(secrets))
	}
	return nil
}

// token names a rotation or a version, as SDKs do.
func token() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
