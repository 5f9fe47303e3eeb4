package ec2

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A tag is a member of inputs and outputs.
type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// inputTag is a tag as requests write it.
type inputTag struct{ Key, Value string }

func tagSet(tags map[string]string) []tag {
	set := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, tag{key, tags[key]})
	}
	return set
}

// ARNs of groups and rules; id may be *.
func groupARN(region, id string) string { return arn(region, "security-group", id) }
func ruleARN(region, id string) string  { return arn(region, "security-group-rule", id) }

func arn(region, kind, id string) string {
	return fmt.Sprintf("arn:%s:ec2:%s:%s:%s/%s", awshttp.Partition, region, awshttp.Account, kind, id)
}

// resourceKeys are the condition keys of a resource's tags.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2".
func resourceKeys(tags map[string]string) map[string][]string {
	keys := map[string][]string{}
	for key, value := range tags {
		keys["aws:ResourceTag/"+key] = []string{value}
		keys["ec2:ResourceTag/"+key] = []string{value}
	}
	return keys
}

// groupKeys are the condition keys of a security group.
func (g *group) keys(region string) map[string][]string {
	keys := resourceKeys(g.Tags)
	keys["ec2:SecurityGroupID"] = []string{g.ID}
	keys["ec2:Vpc"] = []string{arn(region, "vpc", g.VPC)}
	return keys
}

// requestKeys are the condition keys of the tags that a request brings.
func requestKeys(tags []inputTag) map[string][]string {
	keys := map[string][]string{}
	for _, t := range tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	return keys
}

func with(keys ...map[string][]string) map[string][]string {
	all := map[string][]string{}
	for _, k := range keys {
		maps.Copy(all, k)
	}
	return all
}

// ask puts a question to the policies.
func ask(call *awshttp.Call, action, resource string, keys ...map[string][]string) error {
	all := with(keys...)
	all["ec2:Region"] = []string{call.Region}
	return call.Authorize(awshttp.Access{Action: "ec2:" + action, Resource: resource, Context: all})
}

// A dryRun is a member of every input: it only asks whether the caller may.
type dryRun struct{ DryRun bool }

func (d dryRun) answer() error {
	if d.DryRun {
		return &awshttp.Error{Status: 412, Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set."}
	}
	return nil
}
