package secretsmanager

import (
	"fmt"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// The texts of refusals are AWS's own where somebody has seen them; scripts and providers match on some of them.

func notFound(format string, a ...any) error {
	return &awshttp.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, a...)}
}

func invalidParameter(format string, a ...any) error {
	return &awshttp.Error{Code: "InvalidParameterException", Message: fmt.Sprintf(format, a...)}
}

func invalidRequest(format string, a ...any) error {
	return &awshttp.Error{Code: "InvalidRequestException", Message: fmt.Sprintf(format, a...)}
}

func alreadyExists(format string, a ...any) error {
	return &awshttp.Error{Code: "ResourceExistsException", Message: fmt.Sprintf(format, a...)}
}

func limitExceeded(format string, a ...any) error {
	return &awshttp.Error{Code: "LimitExceededException", Message: fmt.Sprintf(format, a...)}
}
