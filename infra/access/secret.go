package access

import (
	"fmt"

	"github.com/sluicehq/sluice/infra/config"
)

// MaxExact is how many consumers a stage may have before their secrets are named by pattern. One by one they would
// outgrow a role's policies (10,240 characters) and a function's resource policy (20 KB).
const MaxExact = 25

// Exact reports whether policies of s name every secret.
func Exact(s config.Stage) bool { return len(s.Consumers) <= MaxExact }

// SecretsOf is what policies name for the secrets of one warehouse's consumers: the ARNs, by consumer, as long as
// there are few, else one pattern.
func SecretsOf(s config.Stage, warehouse string, arns map[string]string) []string {
	if !Exact(s) {
		return []string{SecretPattern(s, warehouse)}
	}
	var secrets []string
	for _, consumer := range s.ConsumersOf(warehouse) {
		secrets = append(secrets, arns[consumer])
	}
	return secrets
}

// SecretPattern matches the ARNs of the secrets of one warehouse's consumers. Secrets Manager ends an ARN with a
// hyphen and six characters of its own.
func SecretPattern(s config.Stage, warehouse string) string {
	return fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:sluice/%s/%s/*-??????", s.Place().Partition, s.Region, s.Account, s.Name, warehouse)
}

// Secret is the policy of a consumer's secret. Its readers read. Nobody but the deployers changes its tags, which
// say what is minted, or this policy. A deployer who was left out can still delete the secret and deploy again.
func Secret(s config.Stage, consumer string) []Statement {
	const itself = "*" // in a secret's policy, the secret
	guard := Statement{
		Sid: "ChangeByDeploymentOnly", Deny: true, Principals: map[string][]string{"AWS": {"*"}}, Resources: []string{itself},
		Actions: []string{
			"secretsmanager:TagResource", "secretsmanager:UntagResource",
			"secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy",
		},
		Conditions: Conditions{"ArnNotLike": {"aws:PrincipalArn": s.Deployers}},
	}
	readers := s.Consumers[consumer].Readers
	if len(readers) == 0 {
		return []Statement{guard}
	}
	read := Statement{
		Sid: "Read", Principals: map[string][]string{"AWS": readers}, Resources: []string{itself},
		Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"},
	}
	return []Statement{read, guard}
}
