package resolve

import (
	"regexp"
	"slices"

	"github.com/sluicehq/sluice/shared/connector/property"
)

// Properties that say something to some ways of login alone.
var (
	ofWarehouse = []property.Name{
		property.ClusterID, property.Workgroup, property.Serverless, property.CustomDomain, property.AccountID,
		property.DbUser, property.AutoCreate, property.DbGroups, property.ForceLowercase, property.GroupFederation, property.Duration,
	}
	ofRole    = []property.Name{property.AuthType, property.RoleARN, property.ExternalID, property.RoleSessionName, property.DisableCache}
	ofReading = []property.Name{
		property.Region, property.AccessKeyID, property.SecretAccessKey, property.SessionToken, property.Profile, property.InstanceProfile,
		property.EndpointURL, property.StsEndpointURL,
	}
)

// How a secret is named.
//
// Source: Service Authorization Reference, AWS Secrets Manager; AWS Secrets Manager API Reference, CreateSecret (Name). AWS's own have a "!".
var (
	secretARN  = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[\w/+=.@!-]+$`)
	secretName = regexp.MustCompile(`^[\w/+=.@!-]{1,512}$`)
)

// consumerSecret takes login and warehouse from a secret that Sluice keeps fresh.
func (r *resolver) consumerSecret() {
	r.out.Login = ConsumerSecret
	if !secretARN.MatchString(r.out.Secret) && !secretName.MatchString(r.out.Secret) {
		r.problem(property.SecretID, "write it as Secrets Manager shows it", "is neither the ARN nor the name of a secret")
	}
	if on, given := r.boolean(property.IAM); given && !on {
		r.problem(property.IAM, "take it away", "is off, and a secret is read with AWS credentials")
	}
	for _, name := range slices.Concat([]property.Name{property.UID}, ofWarehouse) {
		if r.given(name) {
			r.problem(name, "take it away: the secret says who logs in, and where", "is given beside SecretID")
		}
	}
	if r.given(property.PWD) && !r.keyIsPWD {
		r.problem(property.PWD, "take it away: the secret has the password", "is given beside SecretID")
	}
	if r.given(property.AuthProfile) {
		r.problem(property.AuthProfile, "take it away: the secret says what such a profile says", "is given beside SecretID")
	}
}

// password logs in without AWS.
func (r *resolver) password() {
	r.out.Login = Password
	r.out.User, r.out.Password = r.text(property.UID), r.hidden(property.PWD)
	unused := slices.Concat(ofWarehouse, ofRole)
	if r.given(property.AuthProfile) { // it takes AWS credentials to read
		r.credentials()
		r.out.AWS, r.out.Endpoint = Credentials{}, ""
	} else {
		unused = append(unused, ofReading...)
	}
	for _, name := range unused {
		if r.given(name) {
			r.notice(name, "is ignored: IAM is off")
		}
	}
	r.missingOfPassword()
}

// missingOfPassword tells what a login with a password lacks. An authentication profile that is still unread may say more, and turn
// IAM on if the program says nothing to that, but it never holds a password.
func (r *resolver) missingOfPassword() {
	if r.in.Unread && !r.given(property.IAM) {
		return
	}
	const fix = "set IAM to 1, or name a consumer's secret with SecretID, or give UID, PWD and Server"
	if r.out.User == "" && !r.in.Unread {
		r.problem(property.UID, fix, "is missing, and IAM is off")
	}
	if r.out.Password.IsZero() {
		r.problem(property.PWD, fix, "is missing, and IAM is off")
	}
	if r.out.Host == "" && !r.in.Unread {
		r.problem(property.Host, "name the host of the warehouse", "is missing")
	}
}
