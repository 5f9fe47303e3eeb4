package template

import (
	"fmt"

	"github.com/sluicehq/sluice/infra/sandbox/policy"
	"github.com/sluicehq/sluice/shared/fault"
)

// A policyDocument is a policy among the properties of a resource.
type policyDocument struct {
	path string
	kind policy.Kind
	text any
}

// somebody stands in a policy for a value that is not known yet. It is the ARN of a role because such a value is most
// often one, and fits wherever a string does.
const somebody = "arn:aws:iam::111122223333:role/unknown"

// vet refuses a policy with something in it that the sandbox would not weigh, such as an unknown condition operator.
func (d policyDocument) vet(path string) fault.Problems {
	if d.text == nil || d.text == (unknown{}) {
		return nil
	}
	if _, err := policy.Parse(d.kind, "document", inJSON(known(d.text))); err != nil {
		return fault.Problems{{Where: path + ".Properties." + d.path, What: err.Error(), Fix: "write it so that the sandbox can weigh it, or teach its package policy"}}
	}
	return nil
}

// known copies v with somebody in the place of what is unknown.
func known(v any) any {
	switch v := v.(type) {
	case unknown:
		return somebody
	case map[string]any:
		object := map[string]any{}
		for name, item := range v {
			object[name] = known(item)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = known(item)
		}
		return list
	}
	return v
}

// documentAt is the policy that is a property.
func documentAt(name string, kind policy.Kind) func(map[string]any) []policyDocument {
	return func(properties map[string]any) []policyDocument {
		return []policyDocument{{name, kind, properties[name]}}
	}
}

// documentsOfRole are its trust policy and its inline policies.
func documentsOfRole(properties map[string]any) []policyDocument {
	all := []policyDocument{{"AssumeRolePolicyDocument", policy.Trust, properties["AssumeRolePolicyDocument"]}}
	inline, _ := properties["Policies"].([]any)
	for i, item := range inline {
		if p, ok := item.(map[string]any); ok {
			all = append(all, policyDocument{fmt.Sprintf("Policies.%d.PolicyDocument", i), policy.Identity, p["PolicyDocument"]})
		}
	}
	return all
}
