package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Limits and defaults.
//
// Source: Amazon Redshift API Reference, GetClusterCredentials and GetCredentials (DurationSeconds); Management Guide, "Managing
// clusters" (the port and the first database that a warehouse has if nobody says otherwise).
const (
	minDuration     = 15 * time.Minute
	maxDuration     = time.Hour
	defaultPort     = 5439
	defaultDatabase = "dev"
	defaultName     = "sluice" // of the application
	defaultTimeout  = 10 * time.Second
	maxTimeout      = 10 * time.Minute
)

// A resolver resolves one input.
type resolver struct {
	in       Input
	out      Settings
	host     Host // what the name of the host says
	named    string
	problems fault.Problems
	notices  []Notice
}

// Resolve finds out what properties mean.
//
// Errors: a [fault.Problems] with everything that is missing, contradicts or makes no sense. What may surprise is in the notices.
func Resolve(in Input) (Settings, []Notice, error) {
	r := &resolver{in: in}
	for _, i := range slices.Concat(in.Explicit.Ignored(), in.AuthProfile.Ignored()) {
		r.notice(property.Name(i.Spelling), "is ignored: %s", i.Why)
	}
	iam, _ := r.boolean(property.IAM)
	r.out.Secret = r.text(property.SecretID)
	r.where()
	r.credentials(iam)
	switch {
	case r.out.Secret != "":
		r.consumerSecret()
	case iam:
		r.warehouse()
		r.who()
	default:
		r.password()
	}
	r.region(iam || r.out.Secret != "")
	r.transport()
	r.order()
	return r.out, r.notices, r.problems.Err()
}

// problem notes what is wrong with a property.
func (r *resolver) problem(name property.Name, fix, format string, args ...any) {
	if p := (fault.Problem{Where: string(name), What: fmt.Sprintf(format, args...), Fix: fix}); !slices.Contains(r.problems, p) {
		r.problems = append(r.problems, p)
	}
}

// notice notes what may surprise.
func (r *resolver) notice(name property.Name, format string, args ...any) {
	if n := (Notice{name, fmt.Sprintf(format, args...)}); !slices.Contains(r.notices, n) {
		r.notices = append(r.notices, n)
	}
}

// value is what was given for a property, where, and what the other layer says if that lost.
func (r *resolver) value(name property.Name) (v secret.Value, from Origin, given bool) {
	if v, given = r.in.Explicit.Get(name); given {
		if other, too := r.in.AuthProfile.Get(name); too && other.Reveal() != v.Reveal() {
			r.notice(name, "is another in the authentication profile; what the program says counts")
		}
		return v, Explicit, true
	}
	if v, given = r.in.AuthProfile.Get(name); given {
		return v, FromAuthProfile, true
	}
	return secret.Value{}, Default, false
}

// given reports whether a property was given, wherever.
func (r *resolver) given(name property.Name) bool {
	_, explicit := r.in.Explicit.Get(name)
	_, profile := r.in.AuthProfile.Get(name)
	return explicit || profile
}

// text is a property that people may read, and remembers where it came from.
func (r *resolver) text(name property.Name) string {
	v, from, given := r.value(name)
	if !given {
		return ""
	}
	text := strings.TrimSpace(v.Reveal())
	r.remember(name, text, from, "")
	return text
}

// hidden is a property that nobody may read.
func (r *resolver) hidden(name property.Name) secret.Value {
	v, from, given := r.value(name)
	if given && !v.IsZero() {
		r.remember(name, "[secret]", from, "")
	}
	return v
}

// remember notes a value for people. The last word on a name counts.
func (r *resolver) remember(name property.Name, text string, from Origin, note string) {
	r.out.Values = slices.DeleteFunc(r.out.Values, func(v Value) bool { return v.Name == name })
	r.out.Values = append(r.out.Values, Value{name, text, from, note})
}

// boolean is a property that is on or off. It is off by default.
func (r *resolver) boolean(name property.Name) (on, given bool) {
	v, _, given := r.value(name)
	if !given {
		return false, false
	}
	switch strings.ToLower(strings.TrimSpace(v.Reveal())) {
	case "1", "true":
		on = true
	case "0", "false":
	default:
		r.problem(name, "write 1 or true, 0 or false", "is neither on nor off")
	}
	_, from, _ := r.value(name)
	r.remember(name, strconv.FormatBool(on), from, "")
	return on, true
}

// seconds is a property that is a time within bounds; 0 if it was not given.
func (r *resolver) seconds(name property.Name, least, most time.Duration) time.Duration {
	text := r.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	d := time.Duration(n) * time.Second
	if err != nil || d < least || d > most {
		r.problem(name, fmt.Sprintf("write whole seconds from %d to %d", int(least.Seconds()), int(most.Seconds())), "is no number of seconds in range")
		return 0
	}
	return d
}

// where finds the host and the port to connect to, and what the host's name says.
func (r *resolver) where() {
	r.named = r.text(property.Host)
	connect := r.text(property.VPCEndpoint)
	for name, host := range map[property.Name]string{property.Host: r.named, property.VPCEndpoint: connect} {
		if host == "" {
			continue
		}
		h, err := ReadHost(host)
		if err != nil {
			r.problem(name, "write the host as the console shows it", "%v", err)
		} else if name == property.Host {
			r.host = h
		}
	}
	r.out.Host = cmp.Or(connect, r.named)
	r.out.ServerName = r.text(property.TLSServerName)
	if r.out.ServerName == "" && connect != "" && r.named != "" {
		r.out.ServerName = r.named
		r.remember(property.TLSServerName, r.named, FromHost, "the endpoint in the private network shows the certificate of "+string(property.Host))
	}
	if port := r.text(property.Port); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			r.problem(property.Port, "write a number from 1 to 65535", "is no port")
		}
		r.out.Port = n
	} else if r.out.Host != "" && r.out.Secret == "" {
		r.out.Port = defaultPort
		r.remember(property.Port, strconv.Itoa(defaultPort), Default, "")
	}
	r.out.Database = r.text(property.Database)
	if r.out.Database == "" && r.out.Secret == "" {
		r.out.Database = defaultDatabase
		r.remember(property.Database, defaultDatabase, Default, "")
	}
}

// warehouse finds out which cluster or workgroup gives logins.
func (r *resolver) warehouse() {
	cluster, workgroup := r.text(property.ClusterID), r.text(property.Workgroup)
	domain := r.text(property.CustomDomain)
	flag, flagged := r.boolean(property.Serverless)
	// A workgroup can be asked for logins as if it were a cluster of this name.
	disguised := strings.HasPrefix(cluster, "redshift-serverless-")
	serverless := (r.host.Serverless || flag || workgroup != "") && !(disguised && workgroup == "")
	switch {
	case r.host.Form == Provisioned && (flag || workgroup != ""):
		r.problem(property.Host, "take Serverless and Workgroup away, or name the workgroup's host", "is a cluster's, and the other properties are a workgroup's")
	case serverless && r.host.Serverless && flagged && !flag:
		r.problem(property.Serverless, "take it away, or name a cluster's host", "is off, and the host is a workgroup's")
	case cluster != "" && serverless:
		r.problem(property.ClusterID, "keep one of the two", "names a cluster, and the other properties name a workgroup")
	}
	switch {
	case domain == "" && cluster == "" && workgroup == "":
		cluster, workgroup, domain = r.fromHost(serverless)
	case domain != "" && (cluster != "" || workgroup != ""):
		r.problem(property.CustomDomain, "keep one of the two", "is given beside the warehouse's own name")
	}
	r.out.Cluster, r.out.Workgroup, r.out.CustomDomain = cluster, workgroup, domain
	r.out.AccountID = r.text(property.AccountID)
	if r.out.AccountID == "" && r.host.Account != "" {
		r.out.AccountID = r.host.Account
		r.remember(property.AccountID, r.host.Account, FromHost, "")
	}
	if r.out.AccountID != "" && !account.MatchString(r.out.AccountID) {
		r.problem(property.AccountID, "write 12 digits", "is no number of an account")
	}
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

// fromHost names the warehouse by what the host says, if nothing else does.
func (r *resolver) fromHost(serverless bool) (cluster, workgroup, domain string) {
	switch {
	case r.host.ID != "" && r.host.Serverless:
		r.remember(property.Workgroup, r.host.ID, FromHost, "")
		return "", r.host.ID, ""
	case r.host.ID != "":
		r.remember(property.ClusterID, r.host.ID, FromHost, "")
		return r.host.ID, "", ""
	case r.named != "" && r.host.Form == UnknownHost:
		r.out.GuessedDomain = !serverless // a workgroup cannot be found by its domain beforehand
		r.remember(property.CustomDomain, r.named, FromHost, "no name that AWS gives, and no warehouse is named")
		return "", "", r.named
	case r.in.Unread:
		return "", "", "" // the authentication profile may say
	case serverless:
		r.problem(property.Workgroup, "name the workgroup", "is missing, and %s does not say it", r.described())
	default:
		r.problem(property.ClusterID, "name the cluster, or a workgroup with Workgroup", "is missing, and %s does not say it", r.described())
	}
	return "", "", ""
}

// described is the host as problems call it.
func (r *resolver) described() string {
	if r.named == "" {
		return "no host"
	}
	return "the host (" + string(r.host.Form) + ")"
}

// region finds the region that AWS is asked in.
func (r *resolver) region(needed bool) {
	r.out.Region = strings.ToLower(r.text(property.Region))
	switch {
	case r.out.Region != "":
		if r.host.Region != "" && r.host.Region != r.out.Region {
			r.notice(property.Region, "is another than the host's, which is in %s; what is given counts", r.host.Region)
		}
	case r.host.Region != "":
		r.out.Region = r.host.Region
		r.remember(property.Region, r.out.Region, FromHost, "")
	case r.secretRegion() != "":
		r.out.Region = r.secretRegion()
		r.remember(property.Region, r.out.Region, Explicit, "of the secret's ARN")
	case !needed:
	case r.in.Region != "":
		r.out.Region = r.in.Region
		r.remember(property.Region, r.out.Region, r.in.RegionFrom, "")
	case !r.in.Unread && !r.in.Unconfigured:
		r.problem(property.Region, "name the region, for example us-east-1; or set AWS_REGION, or region in the AWS profile", "is missing, and neither the host nor the AWS configuration says it")
	}
	if r.out.Region != "" && !region.MatchString(r.out.Region) {
		r.problem(property.Region, "write it as us-east-1", "is no region")
	}
}

// secretRegion is the region of a secret that is named by its ARN.
func (r *resolver) secretRegion() string {
	parts := strings.Split(r.out.Secret, ":")
	if len(parts) < 7 || parts[0] != "arn" {
		return ""
	}
	return parts[3]
}

// who finds out as whom to log in, and for how long.
func (r *resolver) who() {
	r.out.Duration = r.seconds(property.Duration, minDuration, maxDuration)
	if r.out.Login != GetClusterCredentials {
		for _, name := range []property.Name{property.DbUser, property.DbGroups, property.AutoCreate, property.ForceLowercase} {
			if r.given(name) {
				r.notice(name, "has no effect: %s logs in as the caller", r.out.Login)
			}
		}
		return
	}
	r.out.DbUser = r.text(property.DbUser)
	if user, from, _ := r.value(property.UID); r.out.DbUser == "" && !user.IsZero() && user.Reveal() != "*" {
		r.out.DbUser = user.Reveal()
		r.remember(property.DbUser, r.out.DbUser, from, "from "+string(property.UID))
		r.notice(property.DbUser, "is not given: %s counts as the database user", property.UID)
	}
	switch bad := warehouse.BadName(strings.ToLower(r.out.DbUser)); {
	case r.out.DbUser == "" && r.in.Unread:
	case r.out.DbUser == "":
		r.problem(property.DbUser, "name the database user to log in as", "is missing")
	case strings.Contains(r.out.DbUser, ":"):
		r.problem(property.DbUser, "leave away what is before the colon: Redshift adds it", "has a colon in it")
	case bad != "":
		r.problem(property.DbUser, "name a user that Redshift accepts", "%s", bad)
	}
	r.out.AutoCreate, _ = r.boolean(property.AutoCreate)
	lower, _ := r.boolean(property.ForceLowercase)
	r.groups(lower)
}

// groups reads the groups that the session joins.
func (r *resolver) groups(lower bool) {
	given := r.text(property.DbGroups)
	for name := range strings.SplitSeq(given, ",") {
		name = strings.TrimSpace(name)
		if lower {
			name = strings.ToLower(name)
		}
		if name == "" || slices.Contains(r.out.DbGroups, name) {
			continue
		}
		switch bad := warehouse.BadName(name); {
		case name != strings.ToLower(name):
			r.problem(property.DbGroups, "write them in lower case, or set ForceLowercase to 1", "holds %q, and groups are in lower case", name)
		case bad != "":
			r.problem(property.DbGroups, "name groups that Redshift accepts", "holds %q, which %s", name, bad)
		}
		r.out.DbGroups = append(r.out.DbGroups, name)
	}
	slices.Sort(r.out.DbGroups)
	if given != "" {
		_, from, _ := r.value(property.DbGroups)
		r.remember(property.DbGroups, strings.Join(r.out.DbGroups, ","), from, "")
	}
}

// sortProblems sorts by the property that is wrong.
func sortProblems(problems fault.Problems, at func(property.Name) int) {
	slices.SortStableFunc(problems, func(a, b fault.Problem) int {
		return at(property.Name(a.Where)) - at(property.Name(b.Where))
	})
}
