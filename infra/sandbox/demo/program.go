package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

// What make builds for the act of the connector.
const (
	exampleBinary = "build/bin/example" // shared/connector/example
	sluiceBinary  = "build/bin/sluice"
)

// Profiles of the application's AWS configuration. Each takes a role with the operator's key.
const (
	reportingProfile = "reporting" // for the role that may read the consumer's secret
	analystProfile   = "analyst"
	keyProfile       = "operator"
)

// furnishHome makes a home folder with AWS's two files, as somebody has it who runs the application: the roles that profiles take
// are in the one, the key to take them with is in the other.
func (d *demo) furnishHome(roles map[string]string) error {
	var config strings.Builder
	for _, profile := range slices.Sorted(maps.Keys(roles)) {
		fmt.Fprintf(&config, "[profile %s]\nregion = %s\nrole_arn = %s\nsource_profile = %s\n\n", profile, awshttp.DefaultRegion, roles[profile], keyProfile)
	}
	key := d.world.Operator
	credentials := fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", keyProfile, key.AccessKeyID, key.SecretAccessKey.Reveal())
	folder := filepath.Join(d.home, ".aws")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the application's home: %w", err)
	}
	for name, text := range map[string]string{"config": config.String(), "credentials": credentials} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the application's AWS files: %w", err)
		}
	}
	return nil
}

// processLimit bounds one process of the application.
const processLimit = time.Minute

// execute runs a process with the application's home, the sandbox's addresses and the properties of the connection, and with nothing
// else of this process's environment. What it prints is kept for the search for passwords.
func (d *demo) execute(ctx context.Context, properties, binary string, arguments ...string) (printed string, err error) {
	ctx, cancel := context.WithTimeout(ctx, processLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, arguments...)
	cmd.Env = []string{"HOME=" + d.home, "WAREHOUSE=" + properties}
	for name, value := range credentialsource.Environment(d.world.Endpoint()) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	d.heard = append(d.heard, out.String()+errs.String())
	if said := strings.TrimSpace(errs.String()); err != nil && said != "" {
		return "", errors.New(said)
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", binary, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// An explained is what sluice explain says of properties, as far as it is told here.
type explained struct {
	Values []struct{ Property, Value, From string }
	Calls  []planned
	Policy json.RawMessage
}

// A planned is a call that a connection leads to.
type planned struct{ Action, Why string }

// explain has properties explained, as an application team does before it asks for permissions, and shows what they do not say in so
// many words.
func (d *demo) explain(ctx context.Context, properties string) (e explained, err error) {
	text, err := d.execute(ctx, properties, sluiceBinary, "explain", "-json", properties)
	if err == nil {
		err = json.Unmarshal([]byte(text), &e)
	}
	if err != nil {
		return e, fmt.Errorf("explain the properties: %w", err)
	}
	d.say("sluice explain says of it, without a call:")
	var origins []string
	from := make(map[string][]string)
	for _, v := range e.Values {
		if v.From == "explicit" {
			continue
		}
		if from[v.From] == nil {
			origins = append(origins, v.From)
		}
		from[v.From] = append(from[v.From], v.Property+"="+v.Value)
	}
	for _, origin := range origins {
		d.say("  %-11s  %s", origin, strings.Join(from[origin], ", "))
	}
	for _, c := range e.Calls {
		d.say("  %-11s  %s, %s", "AWS call", c.Action, c.Why)
	}
	return e, nil
}
