package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
)

// newBus adds Sluice's own event bus and returns its ARN. The bus has a name of its own because others make rules on it.
func newBus(scope constructs.Construct, name string) string {
	bus := awsevents.NewCfnEventBus(scope, new("Bus"), &awsevents.CfnEventBusProps{Name: &name})
	return *bus.AttrArn()
}
