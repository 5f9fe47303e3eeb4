package secretsmanager

import (
	"maps"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// keys are condition keys of a call.
type keys map[string][]string

// open asks whether the caller may do action on the secret called id, and returns the secret. extra are the
// condition keys of the action itself.
//
// A secret that is not there is still asked for, by the id as it came. So a caller whose policies name secrets is
// denied and learns nothing, as with AWS, and one who may see all learns that it is not there.
func (s *Service) open(call *awshttp.Call, action, id string, extra keys) (*record, error) {
	r := s.find(id)
	if err := call.Authorize(s.access(r, action, id, extra)); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, notFound("Secrets Manager can't find the specified secret.")
	}
	if err := r.managedElsewhere(action); err != nil {
		return nil, err
	}
	return r, nil
}

// openLive is open for what cannot be done with a secret that is scheduled for deletion.
func (s *Service) openLive(call *awshttp.Call, action, id string, extra keys) (*record, error) {
	r, err := s.open(call, action, id, extra)
	if err == nil && !r.deleted.IsZero() {
		return nil, marked()
	}
	return r, err
}

// access is the question about one secret. r may be nil.
//
// Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Secrets Manager".
func (s *Service) access(r *record, action, id string, extra keys) awshttp.Access {
	context := keys{"secretsmanager:SecretId": {id}, "secretsmanager:SecretPrimaryRegion": {s.config.Region}}
	maps.Copy(context, extra)
	a := awshttp.Access{Action: "secretsmanager:" + action, Resource: id, Context: context}
	if r == nil {
		return a
	}
	a.Resource, a.ResourcePolicy = r.arn, r.policy
	for _, t := range r.tags {
		context["aws:ResourceTag/"+t.Key] = []string{t.Value}
		context["secretsmanager:ResourceTag/"+t.Key] = []string{t.Value}
	}
	if r.rotation.function != "" {
		context["secretsmanager:resource/AllowRotationLambdaArn"] = []string{r.rotation.function}
	}
	return a
}

// anySecret is the question of an action that has no resource.
func anySecret(action string) awshttp.Access {
	return awshttp.Access{Action: "secretsmanager:" + action, Resource: "*"}
}

// tagKeys are the condition keys about the tags of a request.
func tagKeys(tags []tag) keys {
	k := keys{}
	for _, t := range tags {
		k["aws:RequestTag/"+t.Key] = []string{t.Value}
		k["aws:TagKeys"] = append(k["aws:TagKeys"], t.Key)
	}
	return k
}

// set adds a key whose member was in the request.
func (k keys) set(name string, member *string) keys {
	if member != nil {
		k[name] = []string{*member}
	}
	return k
}
