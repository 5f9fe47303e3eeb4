package resolve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// A Call is one that settings lead to.
type Call struct {
	Service    string // as policies write it: redshift
	Operation  string
	Parameters []Parameter
	Why        string
}

// A Parameter is one of a call. None is secret.
type Parameter struct{ Name, Text string }

// Plan is which AWS calls are made for the first connection, in their order. Later connections make none while the login is good.
// AWS credentials that need calls of their own, as profiles may, come before; of those only the role of RoleArn is known here.
func (s Settings) Plan() (calls []Call) {
	if s.Login == Password {
		return nil
	}
	if s.AWS.RoleARN != "" {
		calls = append(calls, Call{"sts", "AssumeRole", some("RoleArn", s.AWS.RoleARN, "ExternalId", s.AWS.ExternalID), "to ask with the role's permissions"})
	}
	if s.GuessedDomain {
		calls = append(calls, Call{"redshift", "DescribeCustomDomainAssociations", some("CustomDomainName", s.CustomDomain), "to see whether the host is a cluster's custom domain"})
	}
	calls = append(calls, s.mint())
	switch {
	case s.Host != "" || s.Login == ConsumerSecret:
	case s.Workgroup != "":
		calls = append(calls, Call{"redshift-serverless", "GetWorkgroup", some("workgroupName", s.Workgroup), "to find host and port, once"})
	default:
		calls = append(calls, Call{"redshift", "DescribeClusters", some("ClusterIdentifier", s.Cluster), "to find host and port, once"})
	}
	return calls
}

// mint is the call that gives a login.
func (s Settings) mint() Call {
	const why = "to get a login, and again before it ends"
	seconds := ""
	if s.Duration > 0 {
		seconds = strconv.Itoa(int(s.Duration.Seconds()))
	}
	switch s.Login {
	case ConsumerSecret:
		return Call{"secretsmanager", string(s.Login), some("SecretId", s.Secret), "to read the login that is kept fresh there"}
	case GetCredentials:
		return Call{"redshift-serverless", string(s.Login), some("dbName", s.Database, "durationSeconds", seconds,
			"workgroupName", s.Workgroup, "customDomainName", s.CustomDomain), why}
	case GetClusterCredentialsWithIAM:
		return Call{"redshift", string(s.Login), some("DbName", s.Database, "DurationSeconds", seconds,
			"ClusterIdentifier", s.Cluster, "CustomDomainName", s.CustomDomain), why}
	}
	return Call{"redshift", string(s.Login), some("DbUser", s.DbUser, "DbName", s.Database, "DbGroups", strings.Join(s.DbGroups, ","),
		"AutoCreate", strconv.FormatBool(s.AutoCreate), "DurationSeconds", seconds, "ClusterIdentifier", s.Cluster, "CustomDomainName", s.CustomDomain), why}
}

// Call is how an authentication profile is read.
func (r Reading) Call() Call {
	return Call{"redshift", "DescribeAuthenticationProfiles", some("AuthenticationProfileName", r.Name), "to read the authentication profile"}
}

// some are the parameters that are not empty.
func some(namesAndTexts ...string) (all []Parameter) {
	for pair := range slices.Chunk(namesAndTexts, 2) {
		if pair[1] != "" {
			all = append(all, Parameter{pair[0], pair[1]})
		}
	}
	return all
}

// Key is what makes the login of these settings another than that of others. identity says who asks.
func (s Settings) Key(identity string) lease.Key {
	k := lease.Key{
		API: string(s.Login), Region: s.Region, Endpoint: s.Endpoint, StsEndpoint: s.AWS.StsEndpoint,
		Cluster: s.Cluster, Workgroup: s.Workgroup, CustomDomain: s.CustomDomain, Secret: s.Secret,
		Database: s.Database, User: s.DbUser, Groups: strings.Join(s.DbGroups, ","), AutoCreate: s.AutoCreate, Duration: s.Duration,
		Identity: identity,
	}
	if s.Login == ConsumerSecret {
		k.Database = "" // it says which database the connection opens, not what the secret holds
	}
	return k
}

// A Statement is one of a policy.
type Statement struct {
	Actions   []string
	Resources []string
}

// Policy is the smallest IAM policy for the calls of a plan, statement by statement. Where a part of a name is not known, there is
// a star in its place: the account without AccountID, the cluster behind a custom domain, the identifier of a workgroup.
//
// Source: Service Authorization Reference, Amazon Redshift, Amazon Redshift Serverless, AWS Secrets Manager, AWS STS.
func (s Settings) Policy() (all []Statement) {
	place := warehouse.PlaceIn(cmp.Or(s.AccountID, "*"), cmp.Or(s.Region, "*"))
	cluster := cmp.Or(s.Cluster, "*")
	allow := func(action string, resources ...string) { all = append(all, Statement{[]string{action}, resources}) }
	for _, c := range s.Plan() {
		action := c.Service + ":" + c.Operation
		switch c.Operation {
		case "AssumeRole":
			allow(action, s.AWS.RoleARN)
		case "DescribeClusters", "DescribeCustomDomainAssociations": // they know no resources
			allow(action, "*")
		case string(GetClusterCredentials):
			user := place.UserARN(cluster, s.DbUser)
			allow(action, user, place.DatabaseARN(cluster, s.Database))
			if s.AutoCreate {
				allow("redshift:CreateClusterUser", user)
			}
			groups := []string{}
			for _, g := range s.DbGroups {
				groups = append(groups, place.GroupARN(cluster, g))
			}
			if len(groups) > 0 {
				allow("redshift:JoinGroup", groups...)
			}
		case string(GetClusterCredentialsWithIAM):
			allow(action, place.DatabaseARN(cluster, s.Database))
		case string(GetCredentials), "GetWorkgroup":
			allow(action, "arn:"+place.Partition+":redshift-serverless:"+place.Region+":"+place.Account+":workgroup/*")
		case string(ConsumerSecret):
			allow(action, s.secretARN(place))
		}
	}
	return all
}

// secretARN names a secret in policies: Secrets Manager adds a hyphen and six characters to names.
func (s Settings) secretARN(place warehouse.Place) string {
	if strings.HasPrefix(s.Secret, "arn:") {
		return s.Secret
	}
	return "arn:" + place.Partition + ":secretsmanager:" + place.Region + ":" + place.Account + ":secret:" + s.Secret + "-??????"
}

// Policy is what reading the authentication profile takes.
func (r Reading) Policy() Statement {
	return Statement{[]string{"redshift:DescribeAuthenticationProfiles"}, []string{"*"}}
}
