package template

import (
	"context"
	"fmt"
	"slices"
)

var function = kind{
	properties: shape{
		"FunctionName": nil, "Description": nil, "Handler": nil, "Runtime": nil, "Role": nil, "MemorySize": nil, "Timeout": nil,
		"Architectures": nil, "PackageType": nil, "ReservedConcurrentExecutions": nil, "Tags": tags,
		"Code":             {"S3Bucket": nil, "S3Key": nil},
		"Environment":      {"Variables": nil},
		"EphemeralStorage": {"Size": nil},
		"LoggingConfig":    {"LogFormat": nil, "LogGroup": nil, "ApplicationLogLevel": nil, "SystemLogLevel": nil},
		"TracingConfig":    {"Mode": nil},
		"VpcConfig":        {"SubnetIds": nil, "SecurityGroupIds": nil, "Ipv6AllowedForDualStack": nil},
	},
	required:   []string{"Code", "Role"},
	attributes: []string{"Arn"},
	fixed:      []string{"FunctionName", "PackageType"},
	create:     createFunction,
	update:     updateFunction,
	remove: func(ctx context.Context, j *job) error {
		_, err := j.do(ctx, "lambda", "DeleteFunction", map[string]any{"FunctionName": j.id})
		return err
	},
}

// functionSettings are the properties that UpdateFunctionConfiguration takes too.
var functionSettings = []string{"Description", "Handler", "Runtime", "Role", "MemorySize", "Timeout", "Environment",
	"EphemeralStorage", "LoggingConfig", "TracingConfig", "VpcConfig"}

func createFunction(ctx context.Context, j *job) error {
	code, err := j.code()
	if err != nil {
		return err
	}
	in := j.input(append(slices.Clone(functionSettings), "Architectures", "PackageType")...)
	in["FunctionName"], in["Code"] = j.name("FunctionName", 64), code
	if list := j.tagList(); list != nil {
		in["Tags"] = tagMap(list)
	}
	out, err := j.do(ctx, "lambda", "CreateFunction", in)
	if err != nil {
		return err
	}
	j.id = in["FunctionName"].(string)
	j.set("Arn", out, "FunctionArn")
	return j.reserve(ctx)
}

func updateFunction(ctx context.Context, j *job) error {
	if j.changed("Code") || j.changed("Architectures") {
		in, err := j.code()
		if err != nil {
			return err
		}
		in["FunctionName"] = j.id
		if list, ok := j.properties["Architectures"]; ok {
			in["Architectures"] = list
		}
		if _, err := j.do(ctx, "lambda", "UpdateFunctionCode", in); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(functionSettings, j.changed) {
		in := j.input(functionSettings...)
		in["FunctionName"] = j.id
		if _, there := in["Environment"]; !there {
			in["Environment"] = map[string]any{"Variables": map[string]any{}}
		}
		if _, err := j.do(ctx, "lambda", "UpdateFunctionConfiguration", in); err != nil {
			return err
		}
	}
	if j.changed("Tags") {
		if err := j.retagFunction(ctx); err != nil {
			return err
		}
	}
	if j.changed("ReservedConcurrentExecutions") {
		return j.reserve(ctx)
	}
	return nil
}

// code is the folder of the asset. Lambda would fetch and unpack its archive; the sandbox's takes the folder itself.
func (j *job) code() (map[string]any, error) {
	code, _ := j.properties["Code"].(map[string]any)
	key, _ := text(code["S3Key"])
	folder, ok := j.stack.Assets[key]
	if !ok {
		return nil, fmt.Errorf("find the code: no asset of the assembly has the key %q", key)
	}
	return map[string]any{"SandboxFolder": folder}, nil
}

// reserve limits how many copies of the function run at a time, or lifts the limit.
func (j *job) reserve(ctx context.Context) error {
	if limit, ok := j.properties["ReservedConcurrentExecutions"]; ok {
		_, err := j.do(ctx, "lambda", "PutFunctionConcurrency", map[string]any{"FunctionName": j.id, "ReservedConcurrentExecutions": limit})
		return err
	}
	if j.before == nil {
		return nil
	}
	_, err := j.do(ctx, "lambda", "DeleteFunctionConcurrency", map[string]any{"FunctionName": j.id})
	return err
}

// retagFunction makes the tags those of the template. Lambda takes them as a map.
func (j *job) retagFunction(ctx context.Context) error {
	if keys := j.goneTags(); len(keys) > 0 {
		if _, err := j.do(ctx, "lambda", "UntagResource", map[string]any{"Resource": j.attributes["Arn"], "TagKeys": keys}); err != nil {
			return err
		}
	}
	if len(j.tagList()) == 0 {
		return nil
	}
	_, err := j.do(ctx, "lambda", "TagResource", map[string]any{"Resource": j.attributes["Arn"], "Tags": tagMap(j.tagList())})
	return err
}
