package stack

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/settings"
)

// everySoOften is the longest time that Secrets Manager takes between two rotations of its own. It needs one, and
// rotates no more often than every four hours; ticks do, long before.
const everySoOften = "rate(999 days)"

// A consumer is the secret that an application reads, and how it is rotated.
type consumer struct {
	scope    constructs.Construct
	secret   awssecretsmanager.CfnSecret
	policy   awssecretsmanager.CfnResourcePolicy
	rotation awssecretsmanager.CfnRotationSchedule
}

// newConsumer adds a consumer's secret with a value that holds no login yet, and its policy. CloudFormation deletes a
// secret at once, without a recovery window; there is nothing to recover, since logins in it soon expire.
func newConsumer(scope constructs.Construct, name string, s config.Stage) *consumer {
	this := constructs.NewConstruct(scope, new("Consumer-"+name))
	secret := awssecretsmanager.NewCfnSecret(this, new("Secret"), &awssecretsmanager.CfnSecretProps{
		Name:         new(s.SecretName(name)),
		Description:  new("Temporary Redshift login of " + name + ", kept fresh by Sluice"),
		SecretString: new(settings.Placeholder),
		KmsKeyId:     optional(s.Key),
		Tags:         tags(s.Consumer(name).Tags()),
	})
	policy := awssecretsmanager.NewCfnResourcePolicy(this, new("Policy"), &awssecretsmanager.CfnResourcePolicyProps{
		SecretId:          secret.Ref(),
		ResourcePolicy:    access.Document(access.Secret(s, name)),
		BlockPublicPolicy: new(true),
	})
	return &consumer{scope: this, secret: secret, policy: policy}
}

// rotateWith starts rotation, and with it the first login. By then the function may be invoked, and nobody but the
// deployment may change what it mints.
func (c *consumer) rotateWith(function awslambda.CfnFunction, permission awslambda.CfnPermission) {
	c.rotation = awssecretsmanager.NewCfnRotationSchedule(c.scope, new("Rotation"), &awssecretsmanager.CfnRotationScheduleProps{
		SecretId:                  c.secret.Ref(),
		RotationLambdaArn:         function.AttrArn(),
		RotationRules:             &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{ScheduleExpression: new(everySoOften)},
		RotateImmediatelyOnUpdate: new(true),
	})
	c.rotation.AddResourceDependency(permission, nil)
	c.rotation.AddResourceDependency(c.policy, nil)
}

func tags(values map[string]string) *[]*awscdk.CfnTag {
	var out []*awscdk.CfnTag
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, &awscdk.CfnTag{Key: &key, Value: new(values[key])})
	}
	return &out
}

// optional is text for a property that is left out where text is empty.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
