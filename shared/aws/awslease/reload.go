package awslease

import (
	"errors"

	"github.com/sluicehq/sluice/shared/fault"
)

// stale is what AWS credentials end in that somebody may have replaced in the files meanwhile.
var stale error = fault.NewReasons("the AWS credentials do not do", CredentialsExpired, CredentialsInvalid, CredentialsMissing, CredentialsFailed, SessionExpired)

// Reloadable reports whether another [Load] can help after err: a [Client] has read the files once, and keeps what keys, commands and names
// they had. The reasons are [CredentialsExpired], [CredentialsInvalid], [CredentialsMissing], [CredentialsFailed] and [SessionExpired].
//
// Where the [Client.Identity] of the new client is that of the old one, nothing has changed that a load reads: the old one is as good, and
// has the sessions of roles. Tokens of single sign-on and of web identities are read again by it, too.
func Reloadable(err error) bool { return errors.Is(err, stale) }
