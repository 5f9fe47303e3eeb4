package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

// newBoundary adds the policy that bounds the roles of federations.
func newBoundary(scope constructs.Construct, id string, s config.Stage) awsiam.CfnManagedPolicy {
	return awsiam.NewCfnManagedPolicy(scope, &id, &awsiam.CfnManagedPolicyProps{
		ManagedPolicyName: new(s.Boundary()),
		Description:       new("Sluice: the most that a role of a federation of stage " + s.Name + " can do"),
		PolicyDocument:    access.Document(access.Boundary(s)),
	})
}
