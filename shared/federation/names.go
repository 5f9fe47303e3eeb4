package federation

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Tags of what Sluice makes, and those that others put on what is theirs.
const (
	TagStage      = settings.TagStage
	TagFederation = settings.TagFederation
	TagSource     = settings.TagSource
	TagIngress    = settings.TagIngress
	Allow         = settings.Allow
	// TagEndpoint is where the login of our own secret leads.
	TagEndpoint = "sluice:endpoint"
)

// A Namer makes the names of one deployment. They are the same in every run, so that a run that died leaves nothing that the
// next does not find.
type Namer struct {
	Stage string
	Place warehouse.Place
}

// hash tells apart what has the same name in another account, region, stage or warehouse.
func (n Namer) hash(w Wanted) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{n.Place.Account, n.Place.Region, n.Stage, w.Warehouse, w.Source.ID(), w.Source.Database, w.Name}, "\n")))
	return hex.EncodeToString(sum[:4])
}

// maxRole is the longest name of an IAM role. Source: AWS IAM User Guide, "IAM and AWS STS quotas".
const maxRole = 64

// Role is the name of the role by which the warehouse reads the secret.
func (n Namer) Role(w Wanted) string {
	head := "sluice-" + n.Stage + "-" + w.Name
	return strings.TrimRight(head[:min(len(head), maxRole-9)], "-") + "-" + n.hash(w)
}

// RolePath is where all roles of the deployment are.
func (n Namer) RolePath() string { return "/sluice/" + n.Stage + "/" }

// RoleARN is the ARN of a role of the deployment.
func (n Namer) RoleARN(role string) string {
	return "arn:" + n.Place.Partition + ":iam::" + n.Place.Account + ":role" + n.RolePath() + role
}

// Secret is the name of our own secret. It does not end in a hyphen and six characters, which would look like an ARN's end.
func (n Namer) Secret(w Wanted) string {
	return "sluice/" + n.Stage + "/source/" + w.Name + "-" + n.hash(w)
}

// Login is the name of our own user in the source.
func (n Namer) Login(w Wanted) string {
	return "sluice_" + strings.ReplaceAll(w.Name, "-", "_") + "_" + n.hash(w)
}

// Mark is the comment on our own user in the source.
func (n Namer) Mark(federation string) string {
	return "sluice: " + n.Place.Account + " " + n.Place.Region + " " + n.Stage + " " + federation
}

// Tags are on everything that is made for a federation.
func (n Namer) Tags(federation string) map[string]string {
	return map[string]string{TagStage: n.Stage, TagFederation: federation}
}

// ours reports whether tags are those of a federation of this deployment.
func (n Namer) ours(tags map[string]string, federation string) bool {
	return tags[TagStage] == n.Stage && tags[TagFederation] == federation
}

// plan is what will be made for w, as far as it is known beforehand.
func (n Namer) plan(w Wanted, cluster string) Made {
	m := Made{
		Warehouse: w.Warehouse, Cluster: cluster, Source: w.Source, Admin: w.Credentials.Admin, Secret: w.Credentials.Secret,
		Role: n.Role(w), Ingress: w.ManageIngress, Schema: w.Schema, Grants: w.GrantUsageTo,
	}
	m.RoleARN = n.RoleARN(m.Role)
	if w.Credentials.Own() {
		m.Login, m.SecretName = n.Login(w), n.Secret(w)
	}
	return m
}
