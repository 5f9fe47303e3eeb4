package secretsmanager

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxPolicy is the length of a resource policy in characters.
const maxPolicy = 20480

type attachedPolicy struct {
	ARN, Name      string
	ResourcePolicy string `json:",omitempty"`
}

func (s *Service) putResourcePolicy(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId          string `aws:"required"`
		ResourcePolicy    string `aws:"required"`
		BlockPublicPolicy *bool
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	own, block := keys{}, false
	if in.BlockPublicPolicy != nil {
		block = *in.BlockPublicPolicy
		own["secretsmanager:BlockPublicPolicy"] = []string{strconv.FormatBool(block)}
	}
	r, err := s.openLive(call, "PutResourcePolicy", in.SecretId, own)
	if err != nil {
		return nil, err
	}
	if err := checkPolicy(in.ResourcePolicy, block); err != nil {
		return nil, err
	}
	r.policy, r.changed = in.ResourcePolicy, s.now()
	return attachedPolicy{ARN: r.arn, Name: r.name}, nil
}

// checkPolicy refuses what is no policy of a resource, and where block is set also one that allows everybody
// something without a condition.
func checkPolicy(document string, block bool) error {
	type statement struct {
		Effect    string
		Principal json.RawMessage
		Condition json.RawMessage
	}
	var policy struct{ Statement json.RawMessage }
	var statements []statement
	err := json.Unmarshal([]byte(document), &policy)
	if err == nil {
		if err = json.Unmarshal(policy.Statement, &statements); err != nil {
			statements = make([]statement, 1) // a single statement may stand without brackets
			err = json.Unmarshal(policy.Statement, &statements[0])
		}
	}
	if err != nil || len(statements) == 0 || len(document) > maxPolicy {
		return &awshttp.Error{Code: "MalformedPolicyDocumentException", Message: "This resource policy contains a syntax error."}
	}
	for _, st := range statements {
		if st.Principal == nil {
			return &awshttp.Error{Code: "MalformedPolicyDocumentException", Message: "This resource policy contains a statement without Principal."}
		}
		everybody := string(st.Principal) == `"*"` || string(st.Principal) == `{"AWS":"*"}`
		if block && everybody && st.Effect == "Allow" && st.Condition == nil {
			return &awshttp.Error{Code: "PublicPolicyException", Message: "You can't attach a resource policy that allows broad access to the secret."}
		}
	}
	return nil
}

func (s *Service) getResourcePolicy(ctx context.Context, call *awshttp.Call) (any, error) {
	return s.policyOperation(ctx, call, "GetResourcePolicy", func(r *record) attachedPolicy {
		return attachedPolicy{r.arn, r.name, r.policy}
	})
}

func (s *Service) deleteResourcePolicy(ctx context.Context, call *awshttp.Call) (any, error) {
	return s.policyOperation(ctx, call, "DeleteResourcePolicy", func(r *record) attachedPolicy {
		r.policy, r.changed = "", s.now()
		return attachedPolicy{ARN: r.arn, Name: r.name}
	})
}

func (s *Service) policyOperation(ctx context.Context, call *awshttp.Call, action string, do func(*record) attachedPolicy) (any, error) {
	var in struct {
		SecretId string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, action, in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	return do(r), nil
}
