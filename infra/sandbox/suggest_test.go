package main

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/template"
)

var ready = control.World{
	Endpoint: "http://127.0.0.1:4780", Cluster: "examplecluster", Host: "localhost", Port: 4781, Database: "exampledb",
	Workgroup: control.Workgroup{Name: "exampleworkgroup", Host: "localhost", Port: 4782},
	Sources:   []control.Source{{Instance: "orders-prod", Host: "localhost", Port: 40000, Database: "orders", Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!db-1-abcdef"}},
}

// The event in the suggested command is the sample event, word for word, in quotes that a shell takes off.
func TestSuggestedEventIsTheSample(t *testing.T) {
	t.Chdir("../..") // where make runs it
	var out strings.Builder
	deployed := control.Deployed{Resources: []template.Resource{{Type: "AWS::Events::EventBus", PhysicalID: "sluice-sandbox"}}}
	if err := suggest(&out, ready, deployed); err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^  aws events put-events --entries '([^']+)'$`).FindStringSubmatch(out.String())
	if command == nil {
		t.Fatalf("no event is suggested:\n%s", out.String())
	}
	var entries []struct{ EventBusName, Source, DetailType, Detail string }
	if err := json.Unmarshal([]byte(command[1]), &entries); err != nil || len(entries) != 1 {
		t.Fatalf("entries %s: %v", command[1], err)
	}
	text, err := os.ReadFile(requestFile)
	if err != nil {
		t.Fatal(err)
	}
	var sample struct {
		Source     string
		DetailType string `json:"detail-type"`
		Detail     any
	}
	var detail any
	if err := json.Unmarshal(text, &sample); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(entries[0].Detail), &detail); err != nil {
		t.Fatal(err)
	}
	e := entries[0]
	if e.EventBusName != "sluice-sandbox" || e.Source != sample.Source || e.DetailType != sample.DetailType || !reflect.DeepEqual(detail, sample.Detail) {
		t.Errorf("suggested: %+v\nthe sample: %s", e, text)
	}
	for _, want := range []string{"port=40000 dbname=orders", "request " + requestFile, "withdraw orders", "--db-groups example_group",
		"--workgroup-name exampleworkgroup --db-name exampledb", "host=localhost port=4782 dbname=exampledb"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not suggested:\n%s", want, out.String())
		}
	}
}

func TestNothingOfSourcesIsSuggestedWithoutADeployment(t *testing.T) {
	var out strings.Builder
	if err := suggest(&out, ready, control.Deployed{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "sluice") || !strings.Contains(out.String(), "clock/advance") {
		t.Errorf("suggested:\n%s", out.String())
	}
}
