package resolve

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// asCluster begins the identifiers by which workgroups are asked for logins as if they were clusters.
const asCluster = "redshift-serverless-"

// What identifiers are made of.
//
// Source: Amazon Redshift API Reference, CreateCluster (ClusterIdentifier); Redshift Serverless API Reference, CreateWorkgroup (workgroupName).
var (
	clusterID     = regexp.MustCompile(`^[a-z](-?[a-z0-9])*$`)
	workgroupName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

const (
	maxClusterID = 63
	maxWorkgroup = 64
)

// warehouse finds out which cluster or workgroup gives logins, and by which call.
func (r *resolver) warehouse() {
	cluster, workgroup, domain := r.text(property.ClusterID), r.text(property.Workgroup), r.domain()
	flag, flagged := r.boolean(property.Serverless)
	disguised := strings.HasPrefix(cluster, asCluster) && workgroup == ""
	serverless := !disguised && (r.host.Serverless || flag || workgroup != "")
	r.checkIdentifiers(cluster, workgroup)
	r.contradictions(cluster, workgroup, domain, flagged && !flag, serverless)

	id := r.host.ID
	switch {
	case domain != "":
	case cluster != "" && !r.host.Serverless:
		cluster = r.withHost(property.ClusterID, cluster, id)
	case workgroup != "" && r.host.Serverless:
		workgroup = r.withHost(property.Workgroup, workgroup, id)
	case cluster == "" && workgroup == "":
		cluster, workgroup, domain = r.fromHost(serverless)
	}
	if disguised && r.out.Host == "" && !r.in.Unread {
		r.problem(property.Host, "name the workgroup's host", "is missing, and cannot be looked up by a ClusterID that begins with %s", asCluster)
	}
	r.out.Cluster, r.out.Workgroup, r.out.CustomDomain = cluster, workgroup, domain
	r.out.AccountID = r.withHost(property.AccountID, r.text(property.AccountID), r.host.Account)
	if r.out.AccountID != "" && !account.MatchString(r.out.AccountID) {
		r.problem(property.AccountID, "write 12 digits", "is no number of an account")
	}
	r.api(serverless)
	if bad := warehouse.BadName(lower(r.out.Database)); bad != "" && r.out.Login != GetCredentials {
		r.problem(property.Database, "name a database that Redshift accepts", "%s", bad)
	}
}

// domain is the custom domain that was given. It is the host, too, if no other is.
func (r *resolver) domain() string {
	text := r.text(property.CustomDomain)
	if text == "" {
		return ""
	}
	h, err := readHost(text)
	if err != nil || h.Domain == "" {
		r.problem(property.CustomDomain, "write the name that the warehouse was given, or name the warehouse by its own host", "is no name that a custom domain has")
		return text
	}
	if r.out.Host == "" {
		r.out.Host = h.Domain
		r.remember(property.Host, h.Domain, Default, "the custom domain")
		r.port()
	}
	return h.Domain
}

func (r *resolver) checkIdentifiers(cluster, workgroup string) {
	most := maxClusterID
	if strings.HasPrefix(cluster, asCluster) {
		most = len(asCluster) + maxWorkgroup
	}
	if cluster != "" && (len(cluster) > most || !clusterID.MatchString(cluster)) {
		r.problem(property.ClusterID, "write lower-case letters, digits and single hyphens, a letter first", "is no identifier of a cluster")
	}
	if workgroup != "" && !workgroupName.MatchString(workgroup) {
		r.problem(property.Workgroup, "write up to 64 lower-case letters, digits and hyphens", "is no name of a workgroup")
	}
}

// contradictions tells of properties that cannot all be meant. off is a Serverless that was given as off.
func (r *resolver) contradictions(cluster, workgroup, domain string, off, serverless bool) {
	switch {
	case (r.host.Form == provisioned || r.host.Form == managedEndpoint) && !r.host.Serverless && serverless:
		r.problem(property.Host, "take Serverless and Workgroup away, or name the workgroup's host", "is a cluster's, and the other properties are a workgroup's")
	case off && r.host.Serverless && serverless:
		r.problem(property.Serverless, "take it away, or name a cluster's host", "is off, and the host is a workgroup's")
	case off && workgroup != "":
		r.problem(property.Serverless, "take it away, or name a cluster", "is off, and Workgroup names a workgroup")
	}
	switch {
	case cluster != "" && serverless && r.byPlace(property.ClusterID):
		r.problem(property.ClusterID, "for a workgroup write redshift:iam:///database?Workgroup=name&Region=region, or its host and port after the //",
			"is what the URL says as name:region, which names a cluster, and the other properties are a workgroup's")
	case cluster != "" && serverless:
		r.problem(property.ClusterID, "keep one of the two", "names a cluster, and the other properties or the host name a workgroup")
	}
	if domain != "" && (cluster != "" || workgroup != "") {
		r.problem(property.CustomDomain, "keep one of the two", "is given beside the warehouse's own name")
	}
}

// byPlace reports whether a URL says a property by its place, before its properties.
func (r *resolver) byPlace(name property.Name) bool {
	return slices.ContainsFunc(r.in.Explicit.Entries(), func(e property.Entry) bool { return e.Name == name && e.Spelling == "" })
}

// fromHost names the warehouse by what the host says, if nothing else does.
func (r *resolver) fromHost(serverless bool) (cluster, workgroup, domain string) {
	switch {
	case r.host.ID != "" && r.host.Serverless:
		return "", r.withHost(property.Workgroup, "", r.host.ID), ""
	case r.host.ID != "":
		return r.withHost(property.ClusterID, "", r.host.ID), "", ""
	case r.host.Domain != "":
		r.out.GuessedDomain = !serverless // a workgroup cannot be found by its domain beforehand
		r.remember(property.CustomDomain, r.host.Domain, FromHost, "no name that AWS gives, and no warehouse is named")
		return "", "", r.host.Domain
	case r.in.Unread, r.wrong(property.Host): // the authentication profile may say, or the host that was meant
	case serverless:
		r.problem(property.Workgroup, "name the workgroup", "is missing, and %s", r.silent())
	case r.named != "" && !strings.Contains(r.named, "."):
		r.problem(property.ClusterID, "name the cluster; a URL names one as redshift:iam://cluster:region/database", "is missing, and %s", r.silent())
	default:
		r.problem(property.ClusterID, "name the cluster, or a workgroup with Workgroup", "is missing, and %s", r.silent())
	}
	return "", "", ""
}

// silent says why the host does not name the warehouse.
func (r *resolver) silent() string {
	if r.named == "" {
		return "there is no host that says it"
	}
	return "the host (" + string(r.host.Form) + ") does not say it"
}

// api chooses the call that gives logins.
func (r *resolver) api(serverless bool) {
	federated, _ := r.boolean(property.GroupFederation)
	switch {
	case serverless:
		r.out.Login = GetCredentials
		if federated {
			r.notice(property.GroupFederation, "makes no difference: a workgroup always logs in as the caller")
		}
	case federated:
		r.out.Login = GetClusterCredentialsWithIAM
	default:
		r.out.Login = GetClusterCredentials
	}
}
