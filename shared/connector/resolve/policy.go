package resolve

import (
	"cmp"
	"strings"

	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Statement is one of a policy.
type Statement struct {
	Actions   []string
	Resources []string
}

// A Grant is the smallest policy of one who asks AWS.
type Grant struct {
	To         string // ARN of a role, or for people where the credentials come from
	Statements []Statement
}

// RoleGrant is what base needs to assume the role of RoleArn, which then makes all other calls. ok is false without one.
//
// Source: Service Authorization Reference, AWS STS.
func (s Settings) RoleGrant(base string) (g Grant, ok bool) {
	if s.AWS.RoleARN == "" {
		return Grant{}, false
	}
	return Grant{base, []Statement{{[]string{"sts:" + assumeRole}, []string{s.AWS.RoleARN}}}}, true
}

// Policy is the smallest IAM policy for the other calls of a plan, statement by statement. Where a part of a name is not known, there is
// a star in its place: the account without AccountID, the cluster behind a custom domain, the identifier of a workgroup, which is
// not its name. A secret under a key of the account's own takes kms:Decrypt on that key, too.
//
// Source: Service Authorization Reference, Amazon Redshift, Amazon Redshift Serverless, AWS Secrets Manager.
func (s Settings) Policy() (all []Statement) {
	place := warehouse.PlaceIn(cmp.Or(s.AccountID, "*"), cmp.Or(s.Region, "*"))
	arn := func(service, resource string) string {
		return strings.Join([]string{"arn", place.Partition, service, place.Region, place.Account, resource}, ":")
	}
	cluster := cmp.Or(s.Cluster, "*")
	allow := func(action string, resources ...string) { all = append(all, Statement{[]string{action}, resources}) }
	for _, c := range s.Plan() {
		action := c.Service + ":" + c.Operation
		switch c.Operation {
		case describeClusters, describeCustomDomainAssociations: // lists; the reference lets the first name a cluster, and does not ask for it
			allow(action, "*")
		case string(GetClusterCredentials):
			user := place.UserARN(cluster, cmp.Or(s.DbUser, "*"))
			allow(action, user, place.DatabaseARN(cluster, s.Database))
			if s.AutoCreate {
				allow("redshift:CreateClusterUser", user)
			}
			if len(s.DbGroups) > 0 {
				groups := make([]string, len(s.DbGroups))
				for i, g := range s.DbGroups {
					groups[i] = place.GroupARN(cluster, g)
				}
				allow("redshift:JoinGroup", groups...)
			}
		case string(GetClusterCredentialsWithIAM):
			allow(action, place.DatabaseARN(cluster, s.Database))
		case string(GetCredentials), getWorkgroup:
			allow(action, arn(serviceServerless, "workgroup/*"))
		case string(ConsumerSecret):
			if strings.HasPrefix(s.Secret, "arn:") {
				allow(action, s.Secret)
			} else { // Secrets Manager adds a hyphen and six characters to names
				allow(action, arn("secretsmanager", "secret:"+s.Secret+"-??????"))
			}
		}
	}
	return all
}

// Policy is what reading the authentication profile takes. It knows no resources.
//
// Source: Service Authorization Reference, Amazon Redshift.
func (r Reading) Policy() Statement {
	return Statement{[]string{serviceCluster + ":" + describeAuthenticationProfiles}, []string{"*"}}
}
