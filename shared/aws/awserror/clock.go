package awserror

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithymiddleware "github.com/aws/smithy-go/middleware"

	"github.com/sluicehq/sluice/shared/fault"
)

// Clock is the service's clock when it gave the answer with this metadata, in UTC: leases live by it, not by the clock of
// this machine. op and subject are what was being done and to what. Its error is a *[fault.Error].
func Clock(metadata smithymiddleware.Metadata, op, subject string) (time.Time, error) {
	t, ok := middleware.GetServerTime(metadata)
	if !ok {
		return time.Time{}, &fault.Error{Kind: fault.Retry, Reason: Unavailable, Op: op, Subject: subject, Err: errors.New("the answer has no date"),
			Fix: "check what stands between the function and the service's endpoint"}
	}
	return t.UTC(), nil
}
