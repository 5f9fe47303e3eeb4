package template

import "context"

// permission is a statement in a function's resource policy. Every change of it makes a new one.
var permission = kind{
	properties: shape{"Action": nil, "FunctionName": nil, "Principal": nil, "SourceArn": nil, "SourceAccount": nil, "PrincipalOrgID": nil},
	required:   []string{"Action", "FunctionName", "Principal"},
	create:     addPermission,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "lambda", "RemovePermission", map[string]any{"FunctionName": j.before["FunctionName"], "StatementId": j.id})
		return err
	},
}

func addPermission(ctx context.Context, j *job) error {
	in := j.input("Action", "FunctionName", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID")
	id := j.generated(j.stack.Name+"-"+j.logical, 100)
	in["StatementId"] = id
	if _, err := j.do(ctx, "lambda", "AddPermission", in); err != nil {
		return err
	}
	j.id = id
	return nil
}
