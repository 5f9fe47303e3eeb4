package awshttp_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// TestEC2Service speaks EC2's own form of the query protocol with the real client: lists without a word before their
// numbers, no result element, errors of another shape.
func TestEC2Service(t *testing.T) {
	w := newWorld(t)
	var in struct {
		GroupIds []string `json:"GroupId"`
		Filters  []struct {
			Name   string
			Values []string `json:"Value"`
		} `json:"Filter"`
		MaxResults *int
	}
	type group struct {
		ID   string `json:"groupId"`
		Tags []tag  `json:"tagSet"`
	}
	w.Register(awshttp.Service{Name: "ec2", Protocol: awshttp.EC2Query, Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", Internal: "InternalError",
		Operations: map[string]awshttp.Operation{
			"DescribeSecurityGroups": func(_ context.Context, call *awshttp.Call) (any, error) {
				if err := call.Decode(&in); err != nil {
					return nil, err
				}
				return struct {
					Groups []group `json:"securityGroupInfo"`
				}{[]group{{"sg-1", []tag{{"k", "<v>"}}}, {"sg-2", []tag{}}}}, nil
			},
			"DeleteTags": func(_ context.Context, call *awshttp.Call) (any, error) {
				return nil, call.Authorize(awshttp.Access{Action: "ec2:DeleteTags", Resource: "arn:aws:ec2:us-east-1:111122223333:security-group/forbidden"})
			},
		}})
	client := ec2.NewFromConfig(w.config())
	out, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-1", "sg-2"}, MaxResults: aws.Int32(7),
		Filters: []ec2types.Filter{{Name: new("tag:k"), Values: []string{"a", "b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.GroupIds) != 2 || in.GroupIds[1] != "sg-2" || len(in.Filters) != 1 || in.Filters[0].Name != "tag:k" || len(in.Filters[0].Values) != 2 || *in.MaxResults != 7 {
		t.Errorf("the operation got %+v", in)
	}
	if len(out.SecurityGroups) != 2 || *out.SecurityGroups[0].GroupId != "sg-1" || *out.SecurityGroups[0].Tags[0].Key != "k" || *out.SecurityGroups[0].Tags[0].Value != "<v>" {
		t.Errorf("the client got %+v", out.SecurityGroups)
	}

	w.deny = []string{"ec2:DeleteTags"}
	for _, tc := range []struct {
		name, code, text string
		fault            awshttp.Kind
		call             func() error
	}{
		{"refused", "UnauthorizedOperation", "You are not authorized to perform this operation.", "", func() error {
			_, err := client.DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{"sg-1"}})
			return err
		}},
		{"unknown operation", "InvalidAction", "DescribeVpcs", "", func() error {
			_, err := client.DescribeVpcs(t.Context(), nil)
			return err
		}},
		{"unknown member", "InvalidAction", "NextToken", "", func() error {
			_, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{NextToken: new("x")})
			return err
		}},
		{"throttled", "RequestLimitExceeded", "Request limit exceeded.", awshttp.Throttled, func() error {
			_, err := client.DescribeSecurityGroups(t.Context(), nil)
			return err
		}},
		{"failing", "InternalError", "", awshttp.Failing, func() error {
			_, err := client.DescribeSecurityGroups(t.Context(), nil)
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.fault != "" {
				if err := w.Faults().Add(awshttp.Fault{Service: "ec2", Kind: tc.fault, Count: 1}); err != nil {
					t.Fatal(err)
				}
			}
			err := tc.call()
			if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != tc.code || !strings.Contains(e.ErrorMessage(), tc.text) {
				t.Errorf("error %v; want %s with %q", err, tc.code, tc.text)
			}
		})
	}
}
