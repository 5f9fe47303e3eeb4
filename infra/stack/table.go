package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
)

// Attributes of the items of the table, as the function writes them.
const (
	keyAttribute    = "name"
	expiryAttribute = "expires" // epoch seconds
)

// newTable adds the table with the state of the federations, one item each, and of the clusters whose roles are changed. It stays when the stack is deleted, and it can be
// brought back to any second of the last 35 days: what is made in AWS and in warehouses outlives the stack as well.
func newTable(scope constructs.Construct, id, name string) awsdynamodb.CfnTable {
	table := awsdynamodb.NewCfnTable(scope, &id, &awsdynamodb.CfnTableProps{
		TableName:                        &name,
		BillingMode:                      new("PAY_PER_REQUEST"),
		AttributeDefinitions:             []any{&awsdynamodb.CfnTable_AttributeDefinitionProperty{AttributeName: new(keyAttribute), AttributeType: new("S")}},
		KeySchema:                        []any{&awsdynamodb.CfnTable_KeySchemaProperty{AttributeName: new(keyAttribute), KeyType: new("HASH")}},
		PointInTimeRecoverySpecification: &awsdynamodb.CfnTable_PointInTimeRecoverySpecificationProperty{PointInTimeRecoveryEnabled: new(true)},
		SseSpecification:                 &awsdynamodb.CfnTable_SSESpecificationProperty{SseEnabled: new(true)},
		TimeToLiveSpecification:          &awsdynamodb.CfnTable_TimeToLiveSpecificationProperty{AttributeName: new(expiryAttribute), Enabled: new(true)},
	})
	table.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return table
}
