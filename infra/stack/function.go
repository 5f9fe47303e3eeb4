package stack

import (
	"cmp"
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sluicehq/sluice/infra/access"
	"github.com/sluicehq/sluice/infra/config"
)

// memory of a function in MB, the least that Lambda gives. Most functions use a fifth of it and mostly wait.
const memory = 128

// functionProps says how one function differs from the others.
type functionProps struct {
	Name         string // "" lets CloudFormation make one up
	Description  string
	Code         string // folder that holds the built "bootstrap" binary
	Architecture string
	Env          map[string]string // from the function's settings type; never a secret
	Timeout      time.Duration     // whole seconds, at most 15 minutes
	Memory       int               // MB; 0 is memory
	Network      *config.Network   // nil: outside any VPC
	LogGroup     string
	LogDays      int
	Access       func(logs string) []access.Statement // logs is the ARN of the log group
}

// newFunction adds a Lambda function with its log group and a role of its own.
func newFunction(scope constructs.Construct, id string, p functionProps) awslambda.CfnFunction {
	if p.Timeout <= 0 || p.Timeout > 15*time.Minute || p.Timeout%time.Second != 0 {
		panic(fmt.Sprintf("function %s: Timeout is %v; use whole seconds, at most 15m", id, p.Timeout))
	}
	this := constructs.NewConstruct(scope, &id)
	logs := awslogs.NewCfnLogGroup(this, new("Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName: &p.LogGroup, RetentionInDays: new(float64(p.LogDays)),
	})
	logs.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	role := newRole(this, access.Trust("lambda.amazonaws.com", nil), p.Access(*logs.AttrArn()))
	code := awss3assets.NewAsset(this, new("Code"), &awss3assets.AssetProps{Path: &p.Code})
	env := make(map[string]*string, len(p.Env))
	for name, value := range p.Env {
		env[name] = new(value)
	}
	return awslambda.NewCfnFunction(this, new("Function"), &awslambda.CfnFunctionProps{
		FunctionName:  optional(p.Name),
		Description:   &p.Description,
		Architectures: jsii.Strings(p.Architecture),
		Runtime:       new("provided.al2023"),
		Handler:       new("bootstrap"),
		Code:          &awslambda.CfnFunction_CodeProperty{S3Bucket: code.S3BucketName(), S3Key: code.S3ObjectKey()},
		Role:          role.AttrArn(),
		Environment:   &awslambda.CfnFunction_EnvironmentProperty{Variables: &env},
		MemorySize:    new(float64(cmp.Or(p.Memory, memory))),
		Timeout:       new(p.Timeout.Seconds()),
		VpcConfig:     vpcConfig(p.Network),
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogFormat: new("JSON"), LogGroup: logs.Ref()},
	})
}

func vpcConfig(n *config.Network) any {
	if n == nil {
		return nil
	}
	return &awslambda.CfnFunction_VpcConfigProperty{SubnetIds: jsii.Strings(n.Subnets...), SecurityGroupIds: jsii.Strings(n.SecurityGroups...)}
}

// newPermission lets Secrets Manager invoke a rotation function for a secret, or for a pattern of them, of this
// account.
func newPermission(scope constructs.Construct, function awslambda.CfnFunction, secret, account string) awslambda.CfnPermission {
	return awslambda.NewCfnPermission(scope, new("Permission"), &awslambda.CfnPermissionProps{
		Action:        new("lambda:InvokeFunction"),
		FunctionName:  function.Ref(),
		Principal:     new("secretsmanager.amazonaws.com"),
		SourceAccount: &account,
		SourceArn:     &secret,
	})
}
