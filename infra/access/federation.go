package access

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/settings"
)

// Federation is the ARNs of what the federation job works with.
type Federation struct {
	Work     string // its queue
	Dead     string // the queue of messages that cannot succeed
	Table    string
	Login    string // function
	Boundary string // policy that bounds the roles that it makes
	Bus      string
	Logs     string // of the function's own log group, with :* at its end
}

// Provision is what the function that reconciles federations may do: see everything that a federation is made of, without
// the values of secrets, and change what belongs to this stage.
func Provision(s config.Stage, r Federation) []Statement {
	clusters, logins := clustersOf(s)
	statements := []Statement{
		{Sid: "TakeWork", Actions: []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, Resources: []string{r.Work}},
		{Sid: "SendWork", Actions: []string{"sqs:SendMessage"}, Resources: []string{r.Work, r.Dead}},
		{Sid: "KeepState", Actions: []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Scan"}, Resources: []string{r.Table}},
		{Sid: "FindSources", Actions: []string{"rds:DescribeDBInstances"}, Resources: []string{arn(s, "rds", "db:*")}}, // those with a tag are found by looking at all
		find(),
		{Sid: "AttachRoles", Actions: []string{"redshift:ModifyClusterIamRoles"}, Resources: clusters},
		{Sid: "RunStatements", Actions: []string{"redshift-data:ExecuteStatement"}, Resources: clusters},
		// Statements are no resources. Only those that the function began are its own.
		{Sid: "FollowStatements", Actions: []string{"redshift-data:DescribeStatement", "redshift-data:GetStatementResult"}, Resources: []string{"*"},
			Conditions: equal("redshift-data:statement-owner-iam-userid", "${aws:userid}")},
		{Sid: "LogIn", Actions: []string{"redshift:GetClusterCredentials"}, Resources: logins},
	}
	statements = append(statements, roles(s, r.Boundary)...)
	statements = append(statements, ownSecrets(s)...)
	statements = append(statements, ingress(s)...)
	return append(statements,
		Statement{Sid: "AskLogin", Actions: []string{"lambda:InvokeFunction"}, Resources: []string{r.Login}},
		announce(r.Bus), logs(r.Logs),
	)
}

// clustersOf are the declared clusters, each once, and what it takes to log in to them as Sluice's own users.
func clustersOf(s config.Stage) (clusters, logins []string) {
	place := s.Place()
	add := func(list *[]string, arn string) {
		if !slices.Contains(*list, arn) {
			*list = append(*list, arn)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Federation.Warehouses)) {
		w := s.Federation.Warehouses[name]
		add(&clusters, arn(s, "redshift", "cluster:"+w.Cluster))
		add(&logins, place.UserARN(w.Cluster, w.User))
		add(&logins, place.DatabaseARN(w.Cluster, w.Database))
	}
	return clusters, logins
}

// roles is what concerns the roles of federations: all under one path, and none without the boundary.
func roles(s config.Stage, boundary string) []Statement {
	role := func(pattern string) string {
		return fmt.Sprintf("arn:%s:iam::%s:role%s", s.Place().Partition, s.Account, pattern)
	}
	ours := []string{role(s.RolePath() + "*")}
	return []Statement{
		// A role that is not there has no path, and one that has the name and is somebody else's may have any.
		{Sid: "LookForRoles", Resources: []string{role("/sluice-" + s.Name + "-*"), role("/*/sluice-" + s.Name + "-*")}, Actions: []string{"iam:GetRole"}},
		{Sid: "KeepRoles", Resources: ours, Actions: []string{
			"iam:GetRolePolicy", "iam:ListRoleTags", "iam:TagRole",
			"iam:UpdateAssumeRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole",
		}},
		// Lists by path take no resource. They show names, of which the sweep asks for those below the stage's path.
		{Sid: "ListRoles", Resources: []string{"*"}, Actions: []string{"iam:ListRoles"}},
		{Sid: "MakeBoundedRoles", Resources: ours, Actions: []string{"iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"},
			Conditions: equal("iam:PermissionsBoundary", boundary)},
		// ModifyClusterIamRoles takes the right to pass a role from its caller.
		{Sid: "PassRoles", Resources: ours, Actions: []string{"iam:PassRole"}, Conditions: equal("iam:PassedToService", "redshift.amazonaws.com")},
	}
}

// ownSecrets is what concerns secrets: Sluice's own are made and changed, all others looked at. No value is read.
func ownSecrets(s config.Stage) []Statement {
	ours := []string{OwnSecretPattern(s)}
	statements := []Statement{
		{Sid: "MakeSecrets", Resources: ours, Actions: []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"},
			Conditions: equal("aws:RequestTag/"+settings.TagStage, s.Name)},
		{Sid: "KeepSecrets", Resources: ours, Actions: []string{"secretsmanager:PutSecretValue", "secretsmanager:RestoreSecret", "secretsmanager:DeleteSecret"},
			Conditions: equal("aws:ResourceTag/"+settings.TagStage, s.Name)},
		// A secret that is not there has no ARN: a pattern of ARNs would deny the question whether it is there. Making
		// a password takes no resource.
		{Sid: "LookAtSecrets", Resources: []string{"*"}, Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:GetRandomPassword"}},
		{Sid: "LookAtKeys", Resources: []string{anyKey(s)}, Actions: []string{"kms:DescribeKey"}},
	}
	if f := s.Federation; f.Key != "" {
		use := key(s, f.Key, OwnSecretPattern(s))
		// Secrets Manager tries a key that a secret gets, before the secret has an ARN.
		use.Conditions["StringLike"]["kms:EncryptionContext:SecretARN"] = []string{OwnSecretPattern(s), "RequestToValidateKeyAccess"}
		statements = append(statements, use)
	}
	return statements
}

// ingress lets rules be added to security groups whose owners want it, with a tag that says whose they are.
//
// Source: Service Authorization Reference, Amazon EC2; looking takes no resource.
func ingress(s config.Stage) []Statement {
	groups, rules := []string{arn(s, "ec2", "security-group/*")}, []string{arn(s, "ec2", "security-group-rule/*")}
	ours := map[string][]string{"aws:RequestTag/" + settings.TagStage: {s.Name}}
	ourTags := maps.Clone(ours)
	ourTags["ec2:CreateAction"] = []string{"AuthorizeSecurityGroupIngress"} // tags of rules that are there already stay as they are
	return []Statement{
		{Sid: "LookAtNetwork", Resources: []string{"*"}, Actions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:DescribeVpcEndpoints"}},
		{Sid: "OpenGroups", Resources: groups, Actions: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"},
			Conditions: equal("ec2:ResourceTag/"+settings.TagIngress, settings.Allow)},
		{Sid: "AddRules", Resources: rules, Actions: []string{"ec2:AuthorizeSecurityGroupIngress"}, Conditions: Conditions{"StringEquals": ours}},
		{Sid: "TagNewRules", Resources: rules, Actions: []string{"ec2:CreateTags"}, Conditions: Conditions{"StringEquals": ourTags}},
	}
}

// Login is what the function may do that keeps logins in sources: read the secrets that are marked for it.
func Login(s config.Stage, logGroup string) []Statement {
	read := []string{"secretsmanager:GetSecretValue"}
	statements := append(marked(s, read), decrypt(s), logs(logGroup))
	if s.Federation.Network != nil {
		statements = append(statements, network(s)...)
	}
	return statements
}

// Boundary is the most that a role of a federation can ever do, whatever its own policy says: read the secrets that are
// marked for federation. What AWS documents besides takes no resource.
func Boundary(s config.Stage) []Statement {
	reads := []string{
		"secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds",
	}
	return append(marked(s, reads),
		Statement{Sid: "AsDocumented", Resources: []string{"*"}, Actions: []string{"secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"}},
		decrypt(s),
	)
}

// marked allows actions on three kinds of secrets: Sluice's own, those that RDS manages, and those whose owner has said by
// a tag which source they serve.
func marked(s config.Stage, actions []string) []Statement {
	return []Statement{
		{Sid: "OwnSecrets", Actions: actions, Resources: []string{OwnSecretPattern(s)}, Conditions: Conditions{
			"StringEquals": {"aws:ResourceTag/" + settings.TagStage: {s.Name}},
			"StringLike":   {"aws:ResourceTag/" + settings.TagFederation: {"?*"}},
		}},
		{Sid: "ManagedSecrets", Actions: actions, Resources: []string{arn(s, "secretsmanager", "secret:rds!*")}},
		{Sid: "TaggedSecrets", Actions: actions, Resources: []string{arn(s, "secretsmanager", "secret:*")}, Conditions: Conditions{
			"StringLike": {"aws:ResourceTag/" + settings.TagSource: {"?*"}},
		}},
	}
}

// decrypt lets Secrets Manager use the keys of secrets. Which they are is up to the secrets' owners, and each key's
// own policy must let it.
func decrypt(s config.Stage) Statement {
	return Statement{Sid: "DecryptSecrets", Actions: []string{"kms:Decrypt"}, Resources: []string{anyKey(s)}, Conditions: equal("kms:ViaService", viaSecretsManager(s))}
}

// Queue is the policy of the federation job's queue: rules of events may write to it.
func Queue(queue string, rules []string) []Statement {
	return []Statement{{
		Sid: "TakeEvents", Principals: map[string][]string{"Service": {"events.amazonaws.com"}},
		Actions: []string{"sqs:SendMessage"}, Resources: []string{queue}, Conditions: Conditions{"ArnEquals": {"aws:SourceArn": rules}},
	}}
}

// Sweep is what the sweep's role may do: write to the queue.
func Sweep(queue string) []Statement {
	return []Statement{{Sid: "SendSweep", Actions: []string{"sqs:SendMessage"}, Resources: []string{queue}}}
}

// Requesters lets principals put requests and withdrawals on Sluice's bus, and no other events.
func Requesters(s config.Stage, bus string) Statement {
	return Statement{
		Sid: "Request", Principals: map[string][]string{"AWS": s.Federation.Requesters}, Actions: []string{"events:PutEvents"}, Resources: []string{bus},
		Conditions: Conditions{"StringEquals": {"events:detail-type": {event.SourceRequested, event.SourceWithdrawn}}},
	}
}

// OwnSecretPattern matches the ARNs of Sluice's own secrets.
func OwnSecretPattern(s config.Stage) string {
	return arn(s, "secretsmanager", "secret:"+s.OwnSecrets())
}

// anyKey matches the keys of the region in any account: a secret may have the key of another.
func anyKey(s config.Stage) string {
	return fmt.Sprintf("arn:%s:kms:%s:*:key/*", s.Place().Partition, s.Region)
}

func equal(key, value string) Conditions { return Conditions{"StringEquals": {key: {value}}} }

// arn names something of the stage's account and region.
func arn(s config.Stage, service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", s.Place().Partition, service, s.Region, s.Account, resource)
}
