package federation

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Profiles of the policy by which the warehouse reads a secret.
const (
	// Documented is the policy of AWS's documentation: four reads on the one secret, and two actions on all resources.
	//
	// Source: Amazon Redshift Database Developer Guide, "Creating a secret and an IAM role to use federated queries".
	Documented = settings.PolicyDocumented
	// Strict is the reads on the one secret alone.
	Strict = settings.PolicyStrict
)

// PolicyName is the name of the one inline policy of a role.
const PolicyName = "sluice"

// RedshiftService is who assumes the roles.
const RedshiftService = "redshift.amazonaws.com"

type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func document(statements ...statement) string {
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements})
	if err != nil {
		panic(err) // strings only
	}
	return string(text)
}

var secretReads = []string{
	"secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds",
}

// Trust lets Redshift assume a role.
func Trust() string {
	return document(statement{Effect: "Allow", Principal: map[string]string{"Service": RedshiftService}, Action: []string{"sts:AssumeRole"}})
}

// Policy is what a role may do: read one secret, and decrypt it if a customer's key encrypts it.
func Policy(profile string, p warehouse.Place, secret, key string) string {
	statements := []statement{{Sid: "AccessSecret", Effect: "Allow", Action: secretReads, Resource: []string{secret}}}
	if profile == Documented {
		statements = append(statements, statement{
			Sid: "VisualEditor1", Effect: "Allow", Action: []string{"secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets"}, Resource: []string{"*"},
		})
	}
	if key != "" {
		statements = append(statements, statement{
			Sid: "DecryptSecret", Effect: "Allow", Action: []string{"kms:Decrypt"}, Resource: []string{key},
			Condition: map[string]map[string]string{"StringEquals": {
				"kms:ViaService": "secretsmanager." + p.Region + "." + suffix(p), "kms:EncryptionContext:SecretARN": secret,
			}},
		})
	}
	return document(statements...)
}

// suffix is the domain of a partition's services.
func suffix(p warehouse.Place) string {
	switch p.Partition {
	case "aws-cn":
		return "amazonaws.com.cn"
	case "aws-iso":
		return "c2s.ic.gov"
	case "aws-iso-b":
		return "sc2s.sgov.gov"
	}
	return "amazonaws.com"
}

// samePolicy reports whether two documents mean the same: whatever the order, a string or a list of one, encoded for a URL or not.
func samePolicy(a, b string) bool {
	left, right := normal(a), normal(b)
	return left != nil && reflect.DeepEqual(left, right)
}

func normal(text string) any {
	if strings.HasPrefix(text, "%7B") {
		if decoded, err := url.PathUnescape(text); err == nil {
			text = decoded
		}
	}
	var v map[string]any
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	return fold(v)
}

// fold makes a list of every scalar and sorts the lists, in which policies have no order.
func fold(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, inner := range v {
			if k == "Sid" || k == "Id" {
				continue // names, that decide nothing
			}
			out[k] = fold(inner)
			if _, isList := inner.([]any); !isList {
				out[k] = []any{out[k]}
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = fold(inner)
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(key(a), key(b)) })
		return out
	}
	return v
}

func key(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}
