package federated

import (
	"fmt"
	"strings"
)

// A Failure is why a statement failed, in the words of the cluster.
type Failure struct {
	Message string
	Detail  string // Redshift's block of code, location and process; empty without one
}

// Error is the text that DescribeStatement shows.
func (f *Failure) Error() string {
	text := "ERROR: " + f.Message
	if f.Detail != "" {
		text += "\n  Detail: " + f.Detail
	}
	return text
}

func failure(format string, args ...any) error {
	return &Failure{Message: fmt.Sprintf(format, args...)}
}

// Places in Redshift's own source, and their codes, as people have reported them.
// Sources: aws/amazon-redshift-python-driver#91 (pgclient), terraform-aws-modules/terraform-aws-dms#5 (credentials).
const (
	pgClient        = "pgclient.cpp:535"
	pgClientCode    = 25300
	credentials     = "xen_aws_credentials_mgr.cpp:402"
	credentialsCode = 30000
)

// noAnswer is what the client says that asks Secrets Manager, where the network lets nothing through.
// Source: tonytsheng/DBHUB, ANALYTICS/REDSHIFT/FEDERATEDQ; there the message names the table that was asked for.
const noAnswer = "curlCode: 28, Timeout was reached"

// block is what Redshift writes around an error of its inner workings.
func block(message string, code int, location string) string {
	const line = "-----------------------------------------------"
	return strings.Join([]string{
		"", line, "error:  " + message, "code:      " + fmt.Sprint(code), "context:   ", "query:     0",
		"location:  " + location, "process:   padbmaster [pid=24962]", line, "",
	}, "\n  ")
}

// noCredentials is what a cluster says that does not get a session of a role, for whatever reason.
func noCredentials(role string) error {
	message := "Not authorized to get credentials of role " + role
	return &Failure{message, block(message, credentialsCode, credentials)}
}

// noConnection is what the client of PostgreSQL sources says. Its message is the block itself.
func noConnection(message string) error {
	return &Failure{Message: block(message, pgClientCode, pgClient)}
}
