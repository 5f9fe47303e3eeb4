// Command empty is a Lambda function that does nothing: what the start and size of the others are compared with.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartHandlerFunc(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
}
