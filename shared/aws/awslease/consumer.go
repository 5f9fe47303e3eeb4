package awslease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// current is the label of the version that readers are to use.
const current = "AWSCURRENT"

var consumers = awserror.Table{
	"ResourceNotFoundException": {Kind: fault.Blocked, Reason: SecretMissing, Fix: "correct SecretID, Region, or the AWS account of the credentials"},
	"InvalidRequestException":   {Kind: fault.Blocked, Reason: SecretDeleted, Fix: "restore the secret, or name another as SecretID"},
	"DecryptionFailure":         {Kind: fault.Blocked, Reason: SecretUnusable, Fix: "enable the secret's KMS key, and allow kms:Decrypt on it"},
}

// readSecret takes the login that Sluice keeps fresh in a consumer's secret.
func (c *Client) readSecret(ctx context.Context, s resolve.Settings) (lease.Lease, error) {
	at := call{op: "read the login in the secret", subject: s.Secret, action: "secretsmanager:GetSecretValue", resource: s.Secret}
	region := s.Region
	if parts := strings.SplitN(s.Secret, ":", 7); len(parts) == 7 && parts[0] == "arn" {
		region = parts[3] // nowhere else is it found
	} else {
		at.resource = arn("secretsmanager", s, "secret:"+s.Secret+"-*")
	}
	to, err := c.ready(ctx, place{region, s.Endpoint}, at.op, at.subject)
	if err != nil {
		return lease.Lease{}, err
	}
	out, err := c.secrets(to).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.Secret, VersionStage: new(current)})
	switch {
	// No code tells a secret without a value from no secret: the words are those of the service's message. Without them, it is missing.
	//
	// Source: github.com/boto/boto3/issues/2794, of a secret without a value.
	case err != nil && awserror.Code(err) == "ResourceNotFoundException" && strings.Contains(err.Error(), "staging label"):
		return lease.Lease{}, noLease(at, "it has no value yet")
	// Nor does one tell whose policy denies. Without the words, reading the secret is what is not allowed.
	//
	// Source: AWS re:Post Knowledge Center, secrets-manager-cross-account-key, "Access to KMS is not allowed".
	case err != nil && awserror.Code(err) == "AccessDeniedException" && strings.Contains(err.Error(), "KMS"):
		at.action, at.resource = "kms:Decrypt", "the KMS key of "+s.Secret
		return lease.Lease{}, c.explain(err, at, consumers)
	case err != nil:
		return lease.Lease{}, c.explain(err, at, consumers)
	}
	return stored(at, aws.ToString(out.SecretString), asked(out.ResultMetadata))
}

// stored reads the value of a secret: AWS's format for Redshift logins, with expiresAt where Sluice wrote it. It must have no more than a
// username and a password, as the secrets have that AWS manages for administrators; what it leaves out is empty in the lease. Errors never
// quote it.
//
// Source: AWS Secrets Manager User Guide, "JSON structure of AWS Secrets Manager secrets", Amazon Redshift; Amazon Redshift Management Guide,
// "Managing Amazon Redshift admin passwords using AWS Secrets Manager".
func stored(at call, value string, now time.Time) (lease.Lease, error) {
	var v struct {
		Engine    string          `json:"engine"`
		Host      string          `json:"host"`
		Port      json.RawMessage `json:"port"` // a number; some writers quote it
		Username  string          `json:"username"`
		Password  string          `json:"password"`
		Database  string          `json:"dbname"`
		ExpiresAt *time.Time      `json:"expiresAt"` // without it, the login does not end
	}
	if json.Unmarshal(bytes.TrimPrefix([]byte(value), []byte("\xef\xbb\xbf")), &v) != nil {
		return lease.Lease{}, notALease(at, "its value is not the JSON object that is expected")
	}
	port, isPort := portOf(string(v.Port))
	switch {
	case v.Engine != "" && v.Engine != "redshift":
		return lease.Lease{}, notALease(at, "its engine is not redshift")
	case v.Engine != "" && v.Username == "" && v.Password == "":
		return lease.Lease{}, noLease(at, "it holds no login yet")
	case v.Username == "" || v.Password == "":
		return lease.Lease{}, notALease(at, "its value lacks username or password")
	case !isPort:
		return lease.Lease{}, notALease(at, "its port is no port")
	}
	l := lease.Lease{User: v.Username, Password: secret.New(v.Password), Asked: now, Host: v.Host, Port: port, Database: v.Database}
	if v.ExpiresAt != nil {
		l.Expires = v.ExpiresAt.UTC()
		if !l.Expires.After(now) { // never, where the service does not say the time
			return lease.Lease{}, &fault.Error{Kind: fault.Retry, Reason: LeaseExpired, Op: at.op, Subject: at.subject,
				Err: errors.New("its login ended at " + l.Expires.Format(time.RFC3339)), Fix: "find out why the secret is not rotated: look at its schedule and at the log of its rotation function"}
		}
	}
	return l, nil
}

// portOf reads a port in JSON, a number or quoted. Zero, none and an empty one are 0.
func portOf(text string) (port int, ok bool) {
	if text = strings.Trim(text, `"`); text == "" || text == "null" {
		return 0, true
	}
	port, err := strconv.Atoi(text)
	return port, err == nil && port >= 0 && port <= 1<<16-1
}

func noLease(at call, what string) error {
	return &fault.Error{Kind: fault.Retry, Reason: NoLease, Op: at.op, Subject: at.subject, Err: errors.New(what), Fix: "wait for the secret's first rotation, or rotate it now"}
}

func notALease(at call, what string) error {
	return &fault.Error{Kind: fault.Blocked, Reason: NotALease, Op: at.op, Subject: at.subject, Err: errors.New(what),
		Fix: "name as SecretID a secret that Sluice keeps a login in, or one in AWS's format for Redshift"}
}
