package template

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

// secret is a secret of Secrets Manager. Its value is written when it is made and when the template's own value
// changes, and at no other time: what rotation put there stays.
var secret = kind{
	properties: shape{
		"Name": nil, "Description": nil, "KmsKeyId": nil, "SecretString": nil, "Tags": tags,
		"GenerateSecretString": {
			"SecretStringTemplate": nil, "GenerateStringKey": nil, "PasswordLength": nil, "ExcludeCharacters": nil, "ExcludeLowercase": nil,
			"ExcludeNumbers": nil, "ExcludePunctuation": nil, "ExcludeUppercase": nil, "IncludeSpace": nil, "RequireEachIncludedType": nil,
		},
	},
	attributes: []string{"Id"},
	fixed:      []string{"Name"},
	create: func(ctx context.Context, j *job) error {
		in := j.input("Description", "KmsKeyId", "SecretString", "Tags")
		in["Name"] = j.text("Name")
		if in["Name"] == "" {
			in["Name"] = j.generated(j.logical, 512)
		}
		if err := j.generate(ctx, in); err != nil {
			return err
		}
		in["ClientRequestToken"] = uuid.New()
		out, err := j.do(ctx, "secretsmanager", "CreateSecret", in)
		if err != nil {
			return err
		}
		j.id, _ = text(out["ARN"])
		j.attributes["Id"] = j.id
		return nil
	},
	update: updateSecret,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "secretsmanager", "DeleteSecret", map[string]any{"SecretId": j.id, "ForceDeleteWithoutRecovery": true})
		return err
	},
}

func updateSecret(ctx context.Context, j *job) error {
	in := map[string]any{"SecretId": j.id}
	for _, name := range []string{"Description", "KmsKeyId", "SecretString"} {
		if value, ok := j.properties[name]; ok && j.changed(name) {
			in[name] = value
		}
	}
	if j.changed("GenerateSecretString") {
		if err := j.generate(ctx, in); err != nil {
			return err
		}
	}
	if len(in) > 1 {
		in["ClientRequestToken"] = uuid.New()
		if _, err := j.do(ctx, "secretsmanager", "UpdateSecret", in); err != nil {
			return err
		}
	}
	return j.retag(ctx, "secretsmanager", "TagResource", "UntagResource", map[string]any{"SecretId": j.id})
}

// generate adds a value with a password of Secrets Manager's making: the password alone, or as a member of the
// template's JSON object.
func (j *job) generate(ctx context.Context, in map[string]any) error {
	how, ok := j.properties["GenerateSecretString"].(map[string]any)
	if !ok {
		return nil
	}
	ask := maps.Clone(how)
	delete(ask, "SecretStringTemplate")
	delete(ask, "GenerateStringKey")
	out, err := j.do(ctx, "secretsmanager", "GetRandomPassword", ask)
	if err != nil {
		return err
	}
	in["SecretString"] = out["RandomPassword"]
	around, hasTemplate := text(how["SecretStringTemplate"])
	key, hasKey := text(how["GenerateStringKey"])
	if !hasTemplate && !hasKey {
		return nil
	}
	object := map[string]any{}
	if err := json.Unmarshal([]byte(around), &object); err != nil || key == "" {
		return fmt.Errorf("generate the value of a secret: SecretStringTemplate must be a JSON object and GenerateStringKey must name the password in it")
	}
	object[key] = out["RandomPassword"]
	in["SecretString"] = inJSON(object)
	return nil
}
