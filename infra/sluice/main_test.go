package main

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/settings"
)

// provision is what the stage's function was told.
func provision(t *testing.T) settings.Provision {
	t.Helper()
	p, err := (&session{config: stageFile}).deployed()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWrongUsage(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		says       []string
	}{
		{"nothing", "", []string{"sluice request FILE", "sluice status [-json] [NAME]", "SLUICE_CONFIG"}},
		{"flag of another", "status -all", []string{"sluice status: it has no -all"}},
		{"unknown command", "describe orders", []string{`no command "describe"; sluice help`}},
		{"unknown flag", "status -verbose", []string{"sluice: flag provided but not defined: -verbose; sluice help"}},
		{"argument missing", "request", []string{"sluice request: FILE is missing; write sluice request FILE"}},
		{"argument missing behind a flag", "plan -json", []string{"FILE is missing; write sluice plan [-json] FILE"}},
		{"too many names", "status orders billing", []string{`"billing" is too much; write sluice status [-json] [NAME]`}},
		{"argument of a command without any", "redrive orders", []string{`"orders" is too much; write sluice redrive [-dry-run] [-all]`}},
		{"dry run that would be none", "request -dry-run file.json", []string{"sluice request: it has no -dry-run"}},
		{"JSON that would be none", "redrive -json", []string{"sluice redrive: it has no -json"}},
		{"value of a flag missing", "status -config", []string{"flag needs an argument: -config"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, errs, code := run(t, "", strings.Fields(tc.line)...)
			if code != exitUsage || out != "" {
				t.Errorf("sluice %s ended with %d and wrote %q; want %d and nothing", tc.line, code, out, exitUsage)
			}
			says(t, errs, tc.says...)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Setenv("SLUICE_CONFIG", "mine.json")
	for _, line := range []string{"help", "-help", "-h", "help status", "status -h"} {
		out := succeed(t, "", strings.Fields(line)...)
		for _, c := range commands {
			says(t, out, c.usage(), c.does)
		}
		if says(t, out, exampleConfig); strings.Contains(out, "mine.json") {
			t.Errorf("sluice %s gives what SLUICE_CONFIG names as the default:\n%s", line, out)
		}
	}
}

func TestConfigurationThatCannotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		says       []string
	}{
		{"missing", "nowhere.json", []string{"nowhere.json", "-config", "SLUICE_CONFIG"}},
		{"wrong", stage(t, `"grantees": [`, `"grantees": ["crowd:all", `), []string{"file.json is not right:", "federation.warehouses.analytics.grantees[0]", `write "group:NAME"`}},
		{"without federation", stage(t, `"federation": {`, `"federation": null, "x": {`), []string{"x"}},
		{"for consumers alone", consumersAlone(t), []string{"has no federation", "-config"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, errs, code := run(t, "", "bootstrap", "analytics", "-config", tc.file)
			if code != exitFailed {
				t.Errorf("it ended with %d, want %d", code, exitFailed)
			}
			says(t, errs, append(tc.says, "sluice bootstrap: ")...)
		})
	}
}

// consumersAlone is the file of a stage without federation.
func consumersAlone(t *testing.T) string {
	t.Helper()
	return write(t, `{
		"stage": "consumers", "account": "111122223333", "region": "us-east-1",
		"warehouses": {"analytics": {"cluster": "examplecluster", "allow": {"databases": ["exampledb"], "users": ["app_*"]}}},
		"consumers": {"reporting": {"warehouse": "analytics", "database": "exampledb", "user": "app_reporting"}}
	}`)
}

func TestWithoutAWS(t *testing.T) {
	w := start(t)
	nobody := w.Identity.AddUser("nobody", nil)
	other := stage(t, `"stage": "sandbox"`, `"stage": "elsewhere"`)
	commands := [][]string{{"request", write(t, orders)}, {"withdraw", "orders"}, {"status"}, {"status", "orders", "-json"}, {"plan", write(t, orders)}, {"redrive"}}
	for _, tc := range []struct {
		name    string
		set     func(t *testing.T)
		except  string // what works all the same
		reasons []string
		remedy  string
	}{
		{"no credentials", alone, "", []string{credentialsMissing}, "aws sso login"},
		{"wrong secret key", func(t *testing.T) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") }, "", []string{credentialsRefused}, "build/sandbox.env"},
		{"unknown key", func(t *testing.T) { t.Setenv("AWS_ACCESS_KEY_ID", "unknown") }, "", []string{credentialsRefused}, "AWS_PROFILE"},
		{"no sandbox", func(t *testing.T) {
			for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"} {
				t.Setenv(name, "http://127.0.0.1:1")
			}
		}, "", []string{"Unavailable"}, "make sandbox"},
		{"another account", func(t *testing.T) { t.Setenv("SLUICE_CONFIG", stage(t, "111122223333", "444455556666")) }, "",
			[]string{"OtherAccount", "user/operator", "configures account 444455556666"}, "log in to account 444455556666"},
		{"nothing allowed", func(t *testing.T) { as(t, nobody) }, "", []string{"Unauthorized", "user/nobody is not authorized to perform"}, "allow the action"},
		{"not deployed", func(t *testing.T) { t.Setenv("SLUICE_CONFIG", other) }, "plan", []string{"Missing", "sluice-elsewhere"}, "deploy"},
	} {
		for _, line := range commands {
			if line[0] == tc.except {
				continue
			}
			t.Run(tc.name+"/"+line[0], func(t *testing.T) {
				tc.set(t)
				out, errs, code := run(t, "", line...)
				if code != exitFailed || out != "" {
					t.Errorf("it ended with %d and wrote %q; want %d and nothing", code, out, exitFailed)
				}
				says(t, errs, append(tc.reasons, "sluice "+line[0]+": ")...)
				if _, remedy, ok := strings.Cut(errs, "\n  remedy: "); !ok || !strings.Contains(remedy, tc.remedy) {
					t.Errorf("the remedy %q is missing in:\n%s", tc.remedy, errs)
				}
			})
		}
	}
}
