package resolve

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// How long a login may live.
//
// Source: Amazon Redshift API Reference, GetClusterCredentials, and Redshift Serverless API Reference, GetCredentials (DurationSeconds).
const (
	minDuration = 15 * time.Minute
	maxDuration = time.Hour
)

// fromDbUser is the UID that says of itself that DbUser counts, as the JDBC driver takes it.
const fromDbUser = "*"

// who finds out as whom to log in, and for how long.
func (r *resolver) who() {
	r.out.Duration = r.seconds(property.Duration, minDuration, maxDuration)
	if r.given(property.PWD) && !r.keyIsPWD {
		r.notice(property.PWD, "is ignored: IAM is on, and AWS gives the password")
	}
	if r.out.Login != GetClusterCredentials {
		for _, name := range []property.Name{property.UID, property.DbUser, property.DbGroups, property.AutoCreate, property.ForceLowercase} {
			if r.given(name) {
				r.notice(name, "has no effect: %s logs in as the caller", r.out.Login)
			}
		}
		return
	}
	r.user()
	r.out.AutoCreate, _ = r.boolean(property.AutoCreate)
	fold, _ := r.boolean(property.ForceLowercase)
	r.groups(fold)
}

// user finds the database user. UID stands in for it.
func (r *resolver) user() {
	v, from := r.value(property.UID)
	uid := strings.TrimSpace(v.Reveal())
	r.out.DbUser = r.text(property.DbUser)
	switch {
	case uid == "" || uid == fromDbUser:
	case r.out.DbUser == "":
		r.out.DbUser = uid
		r.remember(property.DbUser, uid, from, "from "+string(property.UID))
		r.notice(property.DbUser, "is not given: %s counts as the database user", property.UID)
		if r.in.Unread {
			return // another may come
		}
	case r.out.DbUser != uid:
		r.notice(property.UID, "is ignored: DbUser says who logs in")
	}
	switch bad := warehouse.BadName(lower(r.out.DbUser)); {
	case r.out.DbUser == "" && (r.in.Unread || r.wrong(property.Host, property.Serverless, property.GroupFederation)):
	case r.out.DbUser == "":
		r.problem(property.DbUser, "name the database user to log in as", "is missing")
	case strings.Contains(r.out.DbUser, ":"):
		r.problem(property.DbUser, "leave away what is before the colon: Redshift adds it", "has a colon in it")
	case bad != "":
		r.problem(property.DbUser, "name a user that Redshift accepts", "%s", bad)
	}
}

// groups reads the groups that the session joins.
func (r *resolver) groups(fold bool) {
	given := r.text(property.DbGroups)
	for name := range strings.SplitSeq(given, ",") {
		name = strings.TrimSpace(name)
		if fold {
			name = lower(name)
		}
		if name == "" || slices.Contains(r.out.DbGroups, name) {
			continue
		}
		switch bad := warehouse.BadName(name); {
		case name != lower(name):
			r.problem(property.DbGroups, "write them in lower case, or set ForceLowercase to 1", "holds %q, and groups are in lower case", name)
		case bad != "":
			r.problem(property.DbGroups, "name groups that Redshift accepts", "holds %q, which %s", name, bad)
		}
		r.out.DbGroups = append(r.out.DbGroups, name)
	}
	slices.Sort(r.out.DbGroups)
	switch i := slices.IndexFunc(r.out.Values, func(v Value) bool { return v.Name == property.DbGroups }); {
	case i < 0:
	case len(r.out.DbGroups) == 0:
		r.notice(property.DbGroups, "names no group")
		r.out.Values = slices.Delete(r.out.Values, i, i+1)
	default:
		r.out.Values[i].Text = strings.Join(r.out.DbGroups, ",")
	}
}
