package template

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// secretPolicy is the resource policy of a secret.
var secretPolicy = kind{
	documents:  documentAt("ResourcePolicy", policy.Resource),
	properties: shape{"SecretId": nil, "ResourcePolicy": nil, "BlockPublicPolicy": nil},
	required:   []string{"SecretId", "ResourcePolicy"},
	attributes: []string{"Id"},
	fixed:      []string{"SecretId"},
	create:     putSecretPolicy,
	update:     putSecretPolicy,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "secretsmanager", "DeleteResourcePolicy", map[string]any{"SecretId": j.id})
		return err
	},
}

func putSecretPolicy(ctx context.Context, j *job) error {
	in := j.input("SecretId", "BlockPublicPolicy")
	in["ResourcePolicy"] = inJSON(j.properties["ResourcePolicy"])
	if _, err := j.do(ctx, "secretsmanager", "PutResourcePolicy", in); err != nil {
		return err
	}
	j.id = j.text("SecretId")
	j.attributes["Id"] = j.id
	return nil
}
