package resolve

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/lease"
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

// Operations beside those of [Login].
const (
	assumeRole                       = "AssumeRole"
	describeClusters                 = "DescribeClusters"
	describeCustomDomainAssociations = "DescribeCustomDomainAssociations"
	describeAuthenticationProfiles   = "DescribeAuthenticationProfiles"
	getWorkgroup                     = "GetWorkgroup"
)

// Plan is which AWS calls are made for the first connection, in their order. Later connections make none while the login is good.
// AWS credentials that need calls of their own, as profiles may, come before; of those only the role of RoleArn is known here.
func (s Settings) Plan() (calls []Call) {
	if s.Login == Password || s.Login == "" {
		return nil
	}
	if s.AWS.RoleARN != "" {
		calls = append(calls, Call{"sts", assumeRole, some("RoleArn", s.AWS.RoleARN, "ExternalId", s.AWS.ExternalID), "to ask with the role's permissions"})
	}
	if s.GuessedDomain {
		calls = append(calls, Call{"redshift", describeCustomDomainAssociations, some("CustomDomainName", s.CustomDomain), "to see whether the host is a cluster's custom domain"})
	}
	calls = append(calls, s.mint())
	const find = "to find host and port, once"
	switch {
	case s.Host != "": // also with a secret, which has them otherwise
	case s.Workgroup != "":
		calls = append(calls, Call{serviceServerless, getWorkgroup, some("workgroupName", s.Workgroup), find})
	case s.Cluster != "":
		calls = append(calls, Call{serviceCluster, describeClusters, some("ClusterIdentifier", s.Cluster), find})
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
		return Call{serviceServerless, string(s.Login), some("dbName", s.Database, "durationSeconds", seconds,
			"workgroupName", s.Workgroup, "customDomainName", s.CustomDomain), why}
	case GetClusterCredentialsWithIAM:
		return Call{serviceCluster, string(s.Login), some("DbName", s.Database, "DurationSeconds", seconds,
			"ClusterIdentifier", s.Cluster, "CustomDomainName", s.CustomDomain), why}
	}
	return Call{serviceCluster, string(s.Login), some("DbUser", s.DbUser, "DbName", s.Database, "DbGroups", strings.Join(s.DbGroups, ","),
		"AutoCreate", strconv.FormatBool(s.AutoCreate), "DurationSeconds", seconds, "ClusterIdentifier", s.Cluster, "CustomDomainName", s.CustomDomain), why}
}

// Call is how an authentication profile is read.
func (r Reading) Call() Call {
	return Call{serviceCluster, describeAuthenticationProfiles, some("AuthenticationProfileName", r.Name), "to read the authentication profile"}
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
