package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// credentials is the example of Amazon's documentation.
const credentials = "aws redshift get-cluster-credentials --cluster-identifier " + world.Cluster + " --db-user " + world.User +
	" --db-name " + world.Database + " --duration-seconds 3600"

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
	suggest(out, is, deployed)
	if err := replace(file, exports.String()); err != nil {
		return fmt.Errorf("write the environment: %w", err)
	}
	fmt.Fprintln(out, "Ready. Ctrl-C stops everything.")
	return nil
}

// describe says in plain words what is there.
func describe(out io.Writer, is control.World, deployed control.Deployed) {
	fmt.Fprintf(out, `
AWS account %s in %s, at %s. Every call is signed, allowed by policies, and recorded.
Warehouse: cluster %s at %s:%d, database %s, with TLS only and temporary logins only.
  users   %s
  groups  %s
  tables  %s
Role that an application uses: %s
Logs of functions: %s
`, is.Account, is.Region, is.Endpoint, is.Cluster, is.Host, is.Port, is.Database,
		strings.Join(is.Users, ", "), strings.Join(is.Groups, ", "), strings.Join(is.Tables, ", "), strings.Join(is.Roles, ", "), is.Logs)
	if len(deployed.Resources) == 0 {
		fmt.Fprintln(out, "Nothing is deployed.")
		return
	}
	fmt.Fprintf(out, "Deployed: %d resources.\n", len(deployed.Resources))
	for _, r := range deployed.Resources {
		if r.Type == "AWS::Lambda::Function" || r.Type == "AWS::SecretsManager::Secret" {
			fmt.Fprintf(out, "  %-28s %s\n", r.Type, r.PhysicalID)
		}
	}
}

// suggest gives commands to try.
func suggest(out io.Writer, is control.World, deployed control.Deployed) {
	fmt.Fprintf(out, "Try:\n\n  %s\n\n", credentials)
	fmt.Fprintf(out, "  read -r user password < <(%s --query '[DbUser,DbPassword]' --output text)\n", credentials)
	fmt.Fprintf(out, "  PGPASSWORD=$password psql \"host=%s port=%d dbname=%s user=$user\" -c 'SELECT * FROM venue'\n\n", is.Host, is.Port, is.Database)
	for _, r := range deployed.Resources {
		if r.Type == "AWS::SecretsManager::Secret" {
			fmt.Fprintf(out, "  aws secretsmanager get-secret-value --secret-id %s --query SecretString --output text\n\n", r.PhysicalID)
			break
		}
	}
	if slices.ContainsFunc(deployed.Resources, func(r template.Resource) bool { return r.Type == "AWS::DynamoDB::Table" }) {
		fmt.Fprint(out, "  make sluice && build/bin/sluice status\n\n")
	}
	fmt.Fprintf(out, "  curl -H 'Content-Type: application/json' -d '{\"by\": \"20m\"}' %s%sclock/advance\n\n", is.Endpoint, control.Prefix)
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
