package sqs

import (
	"fmt"
	"net/http"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Codes that several operations answer.
const (
	missingParameter = "MissingRequiredParameterException"
	invalidValue     = "InvalidParameterValueException"
	noSuchQueue      = "QueueDoesNotExist"
	invalidAttribute = "InvalidAttributeValue"
)

// queryErrors are the codes of the query protocol, which SDKs show to programs.
// Source: the service model, trait awsQueryError, and Amazon SQS API Reference, "Common Errors".
var queryErrors = map[string]string{
	missingParameter:               "MissingParameter",
	invalidValue:                   "InvalidParameterValue",
	"AccessDeniedException":        "AccessDenied",
	noSuchQueue:                    "AWS.SimpleQueueService.NonExistentQueue",
	"QueueDeletedRecently":         "AWS.SimpleQueueService.QueueDeletedRecently",
	"QueueNameExists":              "QueueAlreadyExists",
	"PurgeQueueInProgress":         "AWS.SimpleQueueService.PurgeQueueInProgress",
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
}

func refuse(code, format string, args ...any) error {
	return &awshttp.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// outOfRange is the answer to a number that is not allowed.
func outOfRange(parameter string, value int, reason string) error {
	return refuse(invalidValue, "Value %d for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

// notHere is the answer to what SQS has and the sandbox has not. Status 501 is not retried by SDKs.
func notHere(format string, args ...any) error {
	return &awshttp.Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException",
		Message: "the sandbox does not have " + fmt.Sprintf(format, args...)}
}
