package dynamodb

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// arnOf is the ARN that a table has or would have.
func arnOf(table string) string {
	return fmt.Sprintf("arn:%s:dynamodb:%s:%s:table/%s", awshttp.Partition, awshttp.DefaultRegion, awshttp.Account, table)
}

// access is the question about one table. t may be nil: the policies are asked before it is looked for.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB".
func (s *Service) access(t *table, name, action string, keys map[string][]string) awshttp.Access {
	context := map[string][]string{}
	maps.Copy(context, keys)
	if t != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for key, value := range t.tags {
			context["aws:ResourceTag/"+key] = []string{value}
		}
	}
	return awshttp.Access{Action: "dynamodb:" + action, Resource: arnOf(name), Context: context}
}

// keys are the condition keys of a call on items: the values of the partition key.
func (about subject) keys(t *table) map[string][]string {
	if t == nil {
		return nil
	}
	var leading []string
	for _, i := range about.items {
		if value, ok := text(i[t.key[0]]); ok && !slices.Contains(leading, value) {
			leading = append(leading, value)
		}
	}
	if about.query != nil {
		leading = about.query.leading(t.key[0])
	}
	if leading == nil {
		return nil
	}
	return map[string][]string{"dynamodb:LeadingKeys": leading}
}

// equality is a comparison of a name with a value, whichever comes first.
var equality = regexp.MustCompile(`(#?[A-Za-z_]\w*|#\w+|:\w+)\s*=\s*(#?[A-Za-z_]\w*|#\w+|:\w+)`)

// leading finds what a query says its partition key is. A query that says nothing of it is refused by the engine.
func (in queryInput) leading(partition string) []string {
	if in.KeyConditionExpression == nil {
		return nil
	}
	for _, m := range equality.FindAllStringSubmatch(*in.KeyConditionExpression, -1) {
		name, value := m[1], m[2]
		if name[0] == ':' {
			name, value = value, name
		}
		if alias, ok := in.ExpressionAttributeNames[name]; ok {
			name = alias
		}
		if found, ok := text(in.ExpressionAttributeValues[value]); ok && name == partition {
			return []string{found}
		}
	}
	return nil
}

// tagKeys are the condition keys about the tags of a request.
func tagKeys(tags []tag) map[string][]string {
	keys := map[string][]string{}
	for _, t := range tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	return keys
}
