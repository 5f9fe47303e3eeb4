package template

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// rotationSchedule makes a function rotate a secret. Unless RotateImmediatelyOnUpdate says no, a first rotation starts
// at once; CloudFormation does not wait for its end, and neither does the sandbox.
var rotationSchedule = kind{
	properties: shape{
		"SecretId": nil, "RotationLambdaARN": nil, "RotateImmediatelyOnUpdate": nil,
		"RotationRules": {"AutomaticallyAfterDays": nil, "Duration": nil, "ScheduleExpression": nil},
	},
	required:   []string{"SecretId", "RotationLambdaARN"},
	attributes: []string{"Id"},
	fixed:      []string{"SecretId"},
	create:     rotateSecret,
	update:     rotateSecret,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "secretsmanager", "CancelRotateSecret", map[string]any{"SecretId": j.id})
		return err
	},
}

func rotateSecret(ctx context.Context, j *job) error {
	in := j.input("SecretId", "RotationLambdaARN", "RotationRules")
	in["ClientRequestToken"] = uuid.New()
	if immediately, ok := j.properties["RotateImmediatelyOnUpdate"]; ok {
		in["RotateImmediately"] = immediately
	}
	if _, err := j.do(ctx, "secretsmanager", "RotateSecret", in); err != nil {
		return err
	}
	j.id = j.text("SecretId")
	j.attributes["Id"] = j.id
	return nil
}
