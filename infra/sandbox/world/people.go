package world

import (
	"context"
	"fmt"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Who is there before anything is deployed.
const (
	operator      = "operator"      // an IAM user, for people and for their tools
	application   = "reporting-app" // a role that the operator may assume, to see what an application sees
	cloudFormer   = "cdk-hnb659fds-cfn-exec-role-" + awshttp.Account + "-" + awshttp.DefaultRegion
	administrator = `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`
)

func roleARN(name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", awshttp.Partition, awshttp.Account, name)
}

func userARN(name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:user/%s", awshttp.Partition, awshttp.Account, name)
}

// deployment is the session in which CloudFormation makes resources, with the role that cdk bootstrap would make.
func deployment() awshttp.Principal {
	return awshttp.Principal{
		ARN:     fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/AWSCloudFormation", awshttp.Partition, awshttp.Account, cloudFormer),
		Account: awshttp.Account, Role: roleARN(cloudFormer),
	}
}

// addRoles makes the roles that a deployment expects. They are made as the operator would make them.
func (w *World) addRoles(ctx context.Context) error {
	by := awshttp.Principal{ARN: userARN(operator), Account: awshttp.Account}
	trust := func(principal string) string {
		return `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {` + principal + `}, "Action": "sts:AssumeRole"}}`
	}
	for _, call := range []struct {
		operation string
		input     map[string]string
	}{
		{"CreateRole", map[string]string{"RoleName": application, "AssumeRolePolicyDocument": trust(`"AWS": "` + userARN(operator) + `"`),
			"Description": "An application that reads its consumer's secret, and may do nothing else"}},
		{"CreateRole", map[string]string{"RoleName": cloudFormer, "AssumeRolePolicyDocument": trust(`"Service": "cloudformation.amazonaws.com"`),
			"Description": "What cdk bootstrap makes for deployments"}},
		{"PutRolePolicy", map[string]string{"RoleName": cloudFormer, "PolicyName": "administrator", "PolicyDocument": administrator}},
	} {
		if _, err := w.AWS.Do(ctx, by, "iam", call.operation, call.input); err != nil {
			return fmt.Errorf("make role %s: %w", call.input["RoleName"], err)
		}
	}
	return nil
}
