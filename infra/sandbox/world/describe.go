package world

import (
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

// describe says what there is, without any secret.
func (w *World) describe() control.World {
	return control.World{
		Endpoint: w.Endpoint(), Account: awshttp.Account, Region: awshttp.DefaultRegion,
		Cluster: Cluster, Host: w.Warehouse.Host(), Port: w.Warehouse.Port(), Database: Database,
		Workgroup: control.Workgroup{Name: Workgroup, Namespace: Namespace, Host: w.Workgroup.Host(), Port: w.Workgroup.Port()},
		Authority: w.certificate(), Logs: w.logs(),
		Users: []string{Master + " (superuser)", User}, Groups: []string{Group}, Tables: tables, Sources: w.sources(),
		Roles: []string{roleARN(application)}, Started: w.started,
	}
}

// sources are the ready-made ones.
func (w *World) sources() []control.Source {
	i, ok := w.RDS.Instance(Orders)
	if !ok {
		return nil
	}
	return []control.Source{{
		Instance: i.Identifier, Host: i.Address, Port: i.Port, Database: i.Database, Tables: ordersTables, Secret: i.SecretARN,
		Group: i.SecurityGroups[0], Reachable: w.connected(Cluster, i.Address, i.Port),
	}}
}

// A Variable is one of the environment.
type Variable struct{ Name, Value string }

// Environment is what AWS's and PostgreSQL's own tools need to use the sandbox as the operator. One of the values is
// the operator's secret key. The AWS CLI and boto3 read AWS_DEFAULT_REGION, the SDK for Go AWS_REGION.
func (w *World) Environment() ([]Variable, error) {
	authority, err := w.authority()
	if err != nil {
		return nil, err
	}
	var all []Variable
	at := credentialsource.Environment(w.Endpoint())
	for _, name := range slices.Sorted(maps.Keys(at)) {
		all = append(all, Variable{name, at[name]})
	}
	return append(all, []Variable{
		{"AWS_ACCESS_KEY_ID", w.Operator.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", w.Operator.SecretAccessKey.Reveal()},
		{"AWS_REGION", awshttp.DefaultRegion},
		{"AWS_DEFAULT_REGION", awshttp.DefaultRegion},
		{"PGSSLMODE", "verify-full"},
		{"PGSSLROOTCERT", authority},
	}...), nil
}
