// Package access is who may do what, as plain data: the permissions of each function and of the schedules, and the
// policies of the consumers' secrets.
//
// Wherever an action takes the name of what it acts on, that name is given; a wildcard has its reason beside it.
package access

import (
	"fmt"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/event"
)

// A Statement is one statement of a policy.
type Statement struct {
	Sid        string // what it is for
	Deny       bool
	Principals map[string][]string // by kind: "AWS", "Service"; nil in a role's own policy
	Actions    []string
	Resources  []string // nil in a trust policy
	Conditions Conditions
}

// Conditions are values by operator and key. All keys must hold; one of a key's values is enough.
type Conditions map[string]map[string][]string

// Document is statements as a policy document.
func Document(statements []Statement) map[string]any {
	all := make([]any, len(statements))
	for i, s := range statements {
		out := map[string]any{"Sid": s.Sid, "Effect": "Allow", "Action": s.Actions}
		if s.Deny {
			out["Effect"] = "Deny"
		}
		if s.Principals != nil {
			out["Principal"] = s.Principals
		}
		if s.Resources != nil {
			out["Resource"] = s.Resources
		}
		if s.Conditions != nil {
			out["Condition"] = s.Conditions
		}
		all[i] = out
	}
	return map[string]any{"Version": "2012-10-17", "Statement": all}
}

// Resources are the ARNs of what a function works on.
type Resources struct {
	Secrets   []string // or patterns of them
	Functions []string // rotation functions
	Bus       string
	Logs      string // of the function's own log group, with :* at its end
}

// Rotate is what the rotation function of one warehouse may do: read and write leases of that warehouse's
// consumers, and mint the logins that the configuration allows.
func Rotate(s config.Stage, name string, r Resources) []Statement {
	w, place := s.Warehouses[name], s.Place()
	arns := func(of func(cluster, name string) string, names []string) []string {
		out := make([]string, len(names))
		for i, n := range names {
			out[i] = of(w.Cluster, n)
		}
		return out
	}
	mint := []string{"redshift:GetClusterCredentials"}
	if w.Allow.AutoCreate {
		mint = append(mint, "redshift:CreateClusterUser")
	}
	statements := []Statement{
		{Sid: "KeepLeases", Resources: r.Secrets, Actions: []string{
			"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
		}},
		{Sid: "MintLogins", Actions: mint, Resources: arns(place.UserARN, w.Allow.Users)},
		{Sid: "MintForDatabases", Actions: []string{"redshift:GetClusterCredentials"}, Resources: arns(place.DatabaseARN, w.Allow.Databases)},
		find(),
	}
	if len(w.Allow.Groups) > 0 {
		statements = append(statements, Statement{Sid: "JoinGroups", Actions: []string{"redshift:JoinGroup"}, Resources: arns(place.GroupARN, w.Allow.Groups)})
	}
	statements = append(statements, announce(r.Bus), logs(r.Logs))
	if s.Key != "" {
		statements = append(statements, key(s, s.Key, SecretPattern(s, name)))
	}
	if w.Network != nil {
		statements = append(statements, network(s)...)
	}
	return statements
}

// Refresh is what the tick's function may do: look at leases without reading them, take labels off dead versions,
// and ask for rotations.
func Refresh(s config.Stage, r Resources) []Statement {
	return []Statement{
		{Sid: "StartRotations", Resources: r.Secrets, Actions: []string{
			"secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds",
			"secretsmanager:RotateSecret", "secretsmanager:UpdateSecretVersionStage",
		}},
		// RotateSecret takes the right to invoke the rotation function from its caller.
		{Sid: "InvokeRotation", Actions: []string{"lambda:InvokeFunction"}, Resources: r.Functions},
		find(), announce(r.Bus), logs(r.Logs),
	}
}

// Schedules is what the schedules' role may do: start the tick's function.
func Schedules(refresh string) []Statement {
	return []Statement{{Sid: "StartTick", Actions: []string{"lambda:InvokeFunction"}, Resources: []string{refresh}}}
}

// Trust lets an AWS service take on a role.
func Trust(service string, when Conditions) []Statement {
	return []Statement{{
		Sid: "Trust", Principals: map[string][]string{"Service": {service}},
		Actions: []string{"sts:AssumeRole"}, Conditions: when,
	}}
}

// find lets a function see where a cluster is and in what state. The action takes no resource: naming a cluster
// would deny the call.
//
// Source: Amazon Redshift Management Guide, actions that support the Resource element, where it is missing.
func find() Statement {
	return Statement{Sid: "FindWarehouses", Actions: []string{"redshift:DescribeClusters"}, Resources: []string{"*"}}
}

func announce(bus string) Statement {
	return Statement{
		Sid: "Announce", Actions: []string{"events:PutEvents"}, Resources: []string{bus},
		Conditions: Conditions{"StringEquals": {"events:source": {event.Source}}},
	}
}

func logs(group string) Statement {
	return Statement{Sid: "WriteLogs", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{group}}
}

// key lets Secrets Manager use a customer's key for secrets, given as a pattern of ARNs, on the function's behalf.
func key(s config.Stage, key, secrets string) Statement {
	return Statement{
		Sid: "UseKey", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []string{key},
		Conditions: Conditions{
			"StringEquals": {"kms:ViaService": {viaSecretsManager(s)}},
			"StringLike":   {"kms:EncryptionContext:SecretARN": {secrets}},
		},
	}
}

// viaSecretsManager is what KMS calls Secrets Manager when it asks for a caller.
//
// Source: AWS Key Management Service Developer Guide, kms:ViaService.
func viaSecretsManager(s config.Stage) string {
	domain := ".amazonaws.com"
	if s.Place().Partition == "aws-cn" {
		domain += ".cn"
	}
	return "secretsmanager." + s.Region + domain
}

// network is what Lambda needs to attach the function to its subnets, and takes it from the function's own code.
// Looking takes no resource; Lambda asks for the rest on interfaces that do not exist yet.
//
// Source: AWS Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC".
func network(s config.Stage) []Statement {
	look := []string{"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
	change := []string{
		"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
	}
	place := s.Place()
	return []Statement{
		{Sid: "FindNetwork", Actions: look, Resources: []string{"*"}},
		{Sid: "AttachNetwork", Actions: change, Resources: []string{fmt.Sprintf("arn:%s:ec2:%s:%s:*/*", place.Partition, s.Region, s.Account)}},
		{Sid: "LeaveNetworkToLambda", Deny: true, Actions: append(look, change...), Resources: []string{"*"}, Conditions: Conditions{
			"ArnLike": {"lambda:SourceFunctionArn": {fmt.Sprintf("arn:%s:lambda:%s:%s:function:*", place.Partition, s.Region, s.Account)}},
		}},
	}
}
