package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
)

// newRole adds a role whose permissions are part of it: what needs the role waits for them too.
func newRole(scope constructs.Construct, trust, permissions []access.Statement) awsiam.CfnRole {
	return awsiam.NewCfnRole(scope, new("Role"), &awsiam.CfnRoleProps{
		AssumeRolePolicyDocument: access.Document(trust),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{
			PolicyName:     new("sluice"),
			PolicyDocument: access.Document(permissions),
		}},
	})
}
