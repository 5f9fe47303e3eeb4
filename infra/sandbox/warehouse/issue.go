package warehouse

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/secret"
)

// passwordBytes makes a password as long as those in AWS's examples: 76 characters of base64.
const passwordBytes = 55

// maxUser is the longest name that PostgreSQL gives a user, in bytes.
const maxUser = 63

// NewPassword makes the password of a temporary login.
func NewPassword() secret.Value {
	random := make([]byte, passwordBytes)
	_, _ = rand.Read(random) // never fails
	return secret.New(base64.StdEncoding.EncodeToString(random))
}

// IdentityLogin is a new login of an IAM identity to one database, or to all if database is empty. Its name is IAM:name
// for a user, and IAMR:name for every session of a role; paths are not in it. The database knows the user under the
// same name, and makes it at the first login. ok is false for a caller that is neither, such as an AWS service.
func IdentityLogin(p awshttp.Principal, database string, expires time.Time) (l Login, ok bool) {
	prefix, arn := "IAM:", p.ARN
	if p.Role != "" {
		prefix, arn = "IAMR:", p.Role
	}
	name := prefix + arn[strings.LastIndex(arn, "/")+1:]
	if p.Service != "" || name == prefix {
		return Login{}, false
	}
	return Login{User: userNamed(name), Name: name, Password: NewPassword(), Database: database, AutoCreate: true, Expires: expires}, true
}

// userNamed is a name as PostgreSQL can have it: it would cut a long one short, and make one user of two roles.
func userNamed(name string) string {
	if len(name) <= maxUser {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	mark := "~" + hex.EncodeToString(sum[:4])
	return name[:maxUser-len(mark)] + mark
}
