package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

// newBus adds Sluice's own event bus. The bus has a name of its own because others make rules on it.
func newBus(scope constructs.Construct, name string) awsevents.CfnEventBus {
	return awsevents.NewCfnEventBus(scope, new("Bus"), &awsevents.CfnEventBusProps{Name: &name})
}

// letRequest lets the principals that the stage names ask for federations. Others in the account need it in policies of their
// own.
func letRequest(scope constructs.Construct, bus awsevents.CfnEventBus, s config.Stage) {
	if len(s.Federation.Requesters) == 0 {
		return
	}
	statement := access.Requesters(s, *bus.AttrArn())
	body := access.Document([]access.Statement{statement})["Statement"].([]any)[0].(map[string]any)
	delete(body, "Sid") // EventBridge writes the statement's id there
	awsevents.NewCfnEventBusPolicy(scope, new("Requesters"), &awsevents.CfnEventBusPolicyProps{
		EventBusName: bus.Ref(), StatementId: &statement.Sid, Statement: body,
	})
}
