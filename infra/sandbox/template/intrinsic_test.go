package template_test

import (
	"strings"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/template"
)

// around is a template with something to refer to; %s is the expression under test.
const around = `{
	"Parameters": {
		"Word": {"Type": "String", "Default": "gate"}, "Count": {"Type": "Number", "Default": 3},
		"Zones": {"Type": "CommaDelimitedList", "Default": "a, b"}
	},
	"Mappings": {"Sizes": {"us-east-1": {"small": 128, "list": ["x", "y"]}}},
	"Conditions": {
		"Yes": {"Fn::Equals": [{"Ref": "Word"}, "gate"]},
		"No": {"Fn::Not": [{"Condition": "Yes"}]},
		"Three": {"Fn::Equals": [{"Ref": "Count"}, "3"]},
		"Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
		"Either": {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}
	},
	"Resources": {
		"Reader": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "reader", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}},
		"Never": {"Type": "AWS::IAM::Role", "Condition": "No", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}}
	},
	"Outputs": {"Result": {"Value": EXPRESSION}}
}`

func TestIntrinsics(t *testing.T) {
	for _, tc := range []struct{ name, expression, want string }{
		{"literal", `"plain"`, "plain"},
		{"number", `5`, "5"},
		{"bool", `true`, "true"},
		{"parameter", `{"Ref": "Word"}`, "gate"},
		{"number parameter", `{"Ref": "Count"}`, "3"},
		{"list parameter", `{"Fn::Join": ["/", {"Ref": "Zones"}]}`, "a/b"},
		{"resource", `{"Ref": "Reader"}`, "reader"},
		{"attribute", `{"Fn::GetAtt": ["Reader", "Arn"]}`, "arn:aws:iam::111122223333:role/reader"},
		{"attribute in one string", `{"Fn::GetAtt": "Reader.RoleId"}`, "AROAreader"},
		{"pseudo parameters", `{"Fn::Sub": "${AWS::Partition} ${AWS::AccountId} ${AWS::Region} ${AWS::URLSuffix} ${AWS::StackName}"}`, "aws 111122223333 us-east-1 amazonaws.com stack1"},
		{"join", `{"Fn::Join": ["-", ["a", {"Ref": "Word"}, 7]]}`, "a-gate-7"},
		{"join leaves no value out", `{"Fn::Join": ["-", ["a", {"Ref": "AWS::NoValue"}, "b"]]}`, "a-b"},
		{"select", `{"Fn::Select": [1, ["a", "b"]]}`, "b"},
		{"select by a number in a string", `{"Fn::Select": ["0", ["a", "b"]]}`, "a"},
		{"split an attribute", `{"Fn::Select": [4, {"Fn::Split": [":", {"Fn::GetAtt": ["Reader", "Arn"]}]}]}`, "111122223333"},
		{"sub", `{"Fn::Sub": "${Word}-${Reader}-${Reader.RoleId}"}`, "gate-reader-AROAreader"},
		{"sub with a literal", `{"Fn::Sub": "${!Word} ${Word}"}`, "${Word} gate"},
		{"sub with a map", `{"Fn::Sub": ["${Own}/${Word}", {"Own": {"Ref": "Reader"}}]}`, "reader/gate"},
		{"base64", `{"Fn::Base64": {"Ref": "Word"}}`, "Z2F0ZQ=="},
		{"mapping", `{"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}`, "128"},
		{"list of a mapping", `{"Fn::Join": ["", {"Fn::FindInMap": ["Sizes", "us-east-1", "list"]}]}`, "xy"},
		{"if", `{"Fn::If": ["Yes", "then", "else"]}`, "then"},
		{"if not", `{"Fn::If": ["No", "then", "else"]}`, "else"},
		{"if, with a resource that is not made in the other branch", `{"Fn::If": ["No", {"Ref": "Never"}, "else"]}`, "else"},
		{"number equals string", `{"Fn::If": ["Three", "then", "else"]}`, "then"},
		{"and", `{"Fn::If": ["Both", "then", "else"]}`, "else"},
		{"or", `{"Fn::If": ["Either", "then", "else"]}`, "then"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDeployer(newCloud())
			if err := d.Deploy(t.Context(), load(t, strings.ReplaceAll(around, "EXPRESSION", tc.expression))); err != nil {
				t.Fatal(err)
			}
			if got := d.Outputs(); len(got) != 1 || got[0].Value != tc.want {
				t.Errorf("Outputs() = %+v, want the value %q", got, tc.want)
			}
		})
	}
}

func TestWrongExpressions(t *testing.T) {
	for _, tc := range []struct{ name, expression, want string }{
		{"unknown function", `{"Fn::GetAZs": ""}`, `intrinsic function "Fn::GetAZs" is unknown`},
		{"function beside others", `{"Ref": "Word", "Other": 1}`, "Ref stands beside other members"},
		{"reference to nothing", `{"Ref": "Nobody"}`, `no parameter or resource "Nobody"`},
		{"reference to what is not made", `{"Ref": "Never"}`, `"Never" is not made`},
		{"unknown attribute", `{"Fn::GetAtt": ["Reader", "Color"]}`, `no attribute "Color"`},
		{"attribute of nothing", `{"Fn::Sub": "${Nobody.Arn}"}`, `no parameter or resource "Nobody"`},
		{"export of nobody", `{"Fn::ImportValue": "stack9:Arn"}`, `exports "stack9:Arn"`},
		{"unknown condition", `{"Fn::If": ["Maybe", 1, 2]}`, `condition "Maybe" is not there`},
		{"mistake in the branch that is not taken", `{"Fn::If": ["Yes", 1, {"Fn::Nope": 1}]}`, `"Fn::Nope" is unknown`},
		{"index out of range", `{"Fn::Select": [2, ["a", "b"]]}`, `index "2" is not in a list of 2`},
		{"unknown key of a mapping", `{"Fn::FindInMap": ["Sizes", "us-east-1", "large"]}`, "has no us-east-1, large"},
		{"join without a list", `{"Fn::Join": ["", "abc"]}`, "does not join a list"},
		{"split without a delimiter", `{"Fn::Split": ["", "abc"]}`, "does not split"},
		{"base64 of a list", `{"Fn::Base64": ["a"]}`, "is not a string"},
		{"sub of a list", `{"Fn::Sub": "${Zones}"}`, "${Zones} is not a string"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud()
			err := newDeployer(c).Deploy(t.Context(), load(t, strings.ReplaceAll(around, "EXPRESSION", tc.expression)))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "stack1/Outputs.Result.Value") {
				t.Errorf("Deploy() = %v; want an error with %q at stack1/Outputs.Result.Value", err, tc.want)
			}
			if len(c.calls) > 0 {
				t.Errorf("something was made: %v", c.operations())
			}
		})
	}
}

func TestConditionThatNeedsItself(t *testing.T) {
	a := load(t, `{"Conditions": {"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Fn::Not": [{"Condition": "A"}]}}, "Resources": {}}`)
	if err := newDeployer(newCloud()).Deploy(t.Context(), a); err == nil || !strings.Contains(err.Error(), `"A" needs itself`) {
		t.Errorf("Deploy() = %v", err)
	}
}

func TestImportedValue(t *testing.T) {
	d := newDeployer(newCloud())
	a := load(t,
		`{"Resources": {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "own"}}},
			"Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Bus", "Arn"]}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}:Arn"}}}}}`,
		`{"Resources": {}, "Outputs": {"Copy": {"Value": {"Fn::ImportValue": "stack1:Arn"}}}}`)
	if err := d.Deploy(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	want := template.Output{Stack: "stack2", Name: "Copy", Value: "arn:aws:events:us-east-1:111122223333:own"}
	if got := d.Outputs(); len(got) != 2 || got[1] != want {
		t.Errorf("Outputs() = %+v, want %+v last", got, want)
	}
}
