package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/template"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// requestFile is the sample event that asks for the ready-made source.
const requestFile = "events/federation/source-requested.json"

// credentials is the example of Amazon's documentation, without its end.
const credentials = "aws redshift get-cluster-credentials --cluster-identifier " + world.Cluster + " --db-user " + world.User + " --db-name " + world.Database

// suggest gives commands to try, in an order in which each of them works.
func suggest(out io.Writer, is control.World, deployed control.Deployed) error {
	fmt.Fprintf(out, "Try, in bash:\n\n  # a temporary login, and a session with it\n  %s --duration-seconds 3600\n", credentials)
	session(out, is, "", "SELECT * FROM venue")
	fmt.Fprintf(out, "  # the same at the workgroup, as who you are\n  read -r user password < <(aws redshift-serverless get-credentials --workgroup-name %s --db-name %s --query '[dbUser,dbPassword]' --output text)\n", is.Workgroup.Name, is.Database)
	psql(out, is.Workgroup.Host, is.Workgroup.Port, is.Database, "SELECT * FROM venue")
	fmt.Fprintf(out, "  # a Go program that gets its logins by itself\n  WAREHOUSE=\"IAM=1;ClusterID=%s;Database=%s;DbUser=%s;CaFile=$PGSSLROOTCERT\" go run ./shared/connector/example 'SELECT * FROM venue'\n\n", is.Cluster, is.Database, world.User)
	if i := slices.IndexFunc(deployed.Resources, func(r template.Resource) bool { return r.Type == "AWS::SecretsManager::Secret" }); i >= 0 {
		fmt.Fprintf(out, "  # what an application reads\n  aws secretsmanager get-secret-value --secret-id %s --query SecretString --output text\n\n", deployed.Resources[i].PhysicalID)
	}
	bus := slices.IndexFunc(deployed.Resources, func(r template.Resource) bool { return r.Type == "AWS::Events::EventBus" })
	if bus >= 0 && len(is.Sources) > 0 {
		return federate(out, is, deployed.Resources[bus].PhysicalID)
	}
	fmt.Fprint(out, "  # time passes\n")
	advance(out, is, "20m")
	return nil
}

// session opens one with a new login, which joins a group if one is given, and runs a query.
func session(out io.Writer, is control.World, group, query string) {
	if group != "" {
		group = " --db-groups " + group
	}
	fmt.Fprintf(out, "  read -r user password < <(%s%s --query '[DbUser,DbPassword]' --output text)\n", credentials, group)
	psql(out, is.Host, is.Port, is.Database, query)
}

// psql runs a query with the login that the shell holds.
func psql(out io.Writer, host string, port int, database, query string) {
	fmt.Fprintf(out, "  PGPASSWORD=$password psql \"host=%s port=%d dbname=%s user=$user\" -c '%s'\n\n", host, port, database, query)
}

// advance moves the clock.
func advance(out io.Writer, is control.World, by string) {
	fmt.Fprintf(out, "  curl -s -H 'Content-Type: application/json' -d '{\"by\": \"%s\"}' %s%sclock/advance\n\n", by, is.Endpoint, control.Prefix)
}

// federate goes the way of a source: its request, a query, its withdrawal.
func federate(out io.Writer, is control.World, bus string) error {
	r, err := requested()
	if err != nil {
		return err
	}
	entry, err := r.entry(bus)
	if err != nil {
		return err
	}
	const sluice = "  build/bin/sluice "
	s := is.Sources[0]
	fmt.Fprintf(out, "  # a value in the source, written by its master user\n  login=$(aws secretsmanager get-secret-value --secret-id '%s' --query SecretString --output text)\n", s.Secret)
	fmt.Fprintf(out, "  PGPASSWORD=$(jq -r .password <<<$login) psql \"host=%s port=%d dbname=%s user=$(jq -r .username <<<$login)\" \\\n    -c \"INSERT INTO orders VALUES (1000, 1, 2, 4, 'written today', now())\"\n\n", s.Host, s.Port, s.Database)
	fmt.Fprintf(out, "  # what would be made for the source %s\n  make sluice\n%splan %s\n\n", r.Detail.Source.Instance, sluice, requestFile)
	fmt.Fprintf(out, "  # ask for it, by an event or by a command\n  aws events put-events --entries %s\n%srequest %s\n\n", quote(entry), sluice, requestFile)
	fmt.Fprint(out, "  # it waits a minute for the cluster: let two pass, and see how far it is\n")
	advance(out, is, "2m")
	fmt.Fprintf(out, "%sstatus\n%[1]sstatus %s\n\n", sluice, r.Detail.Name)
	query := "SELECT o.orderid, o.note, v.venuename FROM " + r.Detail.Schema + ".orders o JOIN venue v USING (venueid)"
	fmt.Fprint(out, "  # a join of source and warehouse, in a session and with the Data API\n")
	session(out, is, world.Group, query)
	fmt.Fprintf(out, "  id=$(aws redshift-data execute-statement --cluster-identifier %s --database %s --db-user %s --query Id --output text \\\n    --sql '%s')\n", is.Cluster, is.Database, world.Master, query)
	fmt.Fprint(out, "  aws redshift-data describe-statement --id $id --query '[Status,Error]' --output text\n")
	fmt.Fprint(out, "  aws redshift-data get-statement-result --id $id --query 'Records[*].[[0].longValue,[1].stringValue,[2].stringValue]' --output text\n\n")
	fmt.Fprintf(out, "  # take it down again\n%swithdraw %s\n", sluice, r.Detail.Name)
	advance(out, is, "2m")
	return nil
}

// A request is the sample event, as far as the commands need it.
type request struct {
	Source     string
	DetailType string `json:"detail-type"`
	Detail     struct {
		Name, Schema string
		Source       struct{ Instance string }
	}
	text json.RawMessage // the detail
}

// requested reads the sample event.
func requested() (r request, err error) {
	text, err := os.ReadFile(requestFile)
	if err != nil {
		return r, err
	}
	var whole struct{ Detail json.RawMessage }
	if err := errors.Join(json.Unmarshal(text, &r), json.Unmarshal(text, &whole)); err != nil {
		return r, fmt.Errorf("read event %s: %w", requestFile, err)
	}
	r.text = whole.Detail
	return r, nil
}

// entry is the event as PutEvents takes it.
func (r request) entry(bus string) (string, error) {
	var detail bytes.Buffer
	if err := json.Compact(&detail, r.text); err != nil {
		return "", fmt.Errorf("read event %s: %w", requestFile, err)
	}
	entry, err := json.Marshal([]struct{ EventBusName, Source, DetailType, Detail string }{{bus, r.Source, r.DetailType, detail.String()}})
	return string(entry), err
}
