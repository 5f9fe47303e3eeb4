package template

import "context"

var eventInvokeConfig = kind{
	properties: shape{"FunctionName": nil, "Qualifier": nil, "MaximumEventAgeInSeconds": nil, "MaximumRetryAttempts": nil,
		"DestinationConfig": {"OnFailure": {"Destination": nil}, "OnSuccess": {"Destination": nil}}},
	required: []string{"FunctionName", "Qualifier"},
	fixed:    []string{"FunctionName", "Qualifier"},
	create:   putEventInvokeConfig,
	update:   putEventInvokeConfig,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "lambda", "DeleteFunctionEventInvokeConfig", map[string]any{"FunctionName": j.before["FunctionName"], "Qualifier": j.before["Qualifier"]})
		return err
	},
}

func putEventInvokeConfig(ctx context.Context, j *job) error {
	in := j.input("FunctionName", "Qualifier", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "DestinationConfig")
	if _, err := j.do(ctx, "lambda", "PutFunctionEventInvokeConfig", in); err != nil {
		return err
	}
	j.id = j.generated(j.stack.Name+"-"+j.logical, 64)
	return nil
}
