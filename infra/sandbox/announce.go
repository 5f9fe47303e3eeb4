package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// stageFile configures the stage that make deploys into the sandbox; the operator's command reads it.
const stageFile = "infra/config/sandbox.json"

// announce tells what there is on out, and writes the environment to file: who sees the file finds the sandbox ready.
func announce(ctx context.Context, out io.Writer, w *world.World, file string) error {
	variables, err := w.Environment()
	if err != nil {
		return err
	}
	stage, err := filepath.Abs(stageFile)
	if err != nil {
		return fmt.Errorf("find the stage's configuration: %w", err)
	}
	variables = append(variables, world.Variable{Name: "SLUICE_CONFIG", Value: stage})
	var exports strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&exports, "export %s=%s\n", v.Name, quote(v.Value))
	}
	is, err := w.Control().World(ctx)
	if err != nil {
		return err
	}
	deployed, err := w.Control().Resources(ctx)
	if err != nil {
		return err
	}
	describe(out, is, deployed)
	fmt.Fprintf(out, "\nUse it from another shell with these lines, which are in %s too:\n\n%s\n", file, exports.String())
	if err := suggest(out, is, deployed); err != nil {
		return err
	}
	if err := replace(file, exports.String()); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	fmt.Fprintln(out, "Ready. Ctrl-C stops everything.")
	return nil
}

// shown are the types of resources that people look for.
var shown = []string{"AWS::Lambda::Function", "AWS::SecretsManager::Secret", "AWS::Events::EventBus", "AWS::SQS::Queue", "AWS::DynamoDB::Table"}

// describe says in plain words what is there.
func describe(out io.Writer, is control.World, deployed control.Deployed) {
	fmt.Fprintf(out, `
AWS account %s in %s, at %s. Every call is signed, allowed by policies, and recorded.
Warehouse: cluster %s at %s:%d, database %s, with TLS only and temporary logins only.
  users   %s
  groups  %s
  tables  %s
Workgroup %s of namespace %s at %s:%d: the same database, with logins of its own.
Role that an application uses: %s
`, is.Account, is.Region, is.Endpoint, is.Cluster, is.Host, is.Port, is.Database,
		strings.Join(is.Users, ", "), strings.Join(is.Groups, ", "), strings.Join(is.Tables, ", "),
		is.Workgroup.Name, is.Workgroup.Namespace, is.Workgroup.Host, is.Workgroup.Port, strings.Join(is.Roles, ", "))
	for _, s := range is.Sources {
		fmt.Fprintf(out, "Source: RDS instance %s at %s:%d, database %s, outside the warehouse.\n  tables  %s\n  login   its master user's, in secret %s\n  group   %s, which %s\n",
			s.Instance, s.Host, s.Port, s.Database, strings.Join(s.Tables, ", "), s.Secret, s.Group, map[bool]string{true: "lets the cluster in", false: "does not let the cluster in yet"}[s.Reachable])
	}
	if len(deployed.Resources) == 0 {
		fmt.Fprintln(out, "Nothing is deployed.")
		return
	}
	fmt.Fprintf(out, "Deployed: %d resources.\n", len(deployed.Resources))
	for _, kind := range shown {
		for _, r := range deployed.Resources {
			if r.Type == kind {
				fmt.Fprintf(out, "  %-27s %s\n", kind, r.PhysicalID)
			}
		}
	}
	fmt.Fprintf(out, "Logs of functions: %s\n", is.Logs)
}

// quote writes a value so that a shell reads it back.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }

// replace writes a file that only its owner may read, whole or not at all.
func replace(file, text string) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
