package property

import (
	"net/url"
	"strconv"
	"strings"
)

// parseURL reads a URL that begins with redshift: or jdbc:redshift:, in any case.
func parseURL(text string) (Set, error) {
	r := reader{cut: true}
	text, _ = cutFold(text, "jdbc:")
	rest, _ := cutFold(text, "redshift:")
	rest, iam := cutFold(rest, "iam:")
	rest, slashes := strings.CutPrefix(rest, "//")
	if !slashes {
		r.problem(theText, "has no // after its scheme", howTo)
		return r.result()
	}
	if iam {
		r.place(IAM, "redshift:iam", "true")
	}
	authority, rest := cutAny(rest, "/;?&")
	if before, after, found := cutLast(authority, "@"); found {
		r.userInfo(before)
		authority = after
	}
	if strings.Contains(rest, "@") {
		r.after = "the beginning of the URL" // its user and password may not be percent-encoded, and go on up to here
	}
	r.authority(authority, iam)

	path, properties := cutAny(rest, ";?&")
	r.path(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"))
	r.urlProperties(properties)
	r.findable()
	return r.result()
}

// cutFold cuts a prefix off, in any case.
func cutFold(text, prefix string) (rest string, found bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// cutAny cuts text before the first of the characters; rest keeps it.
func cutAny(text, characters string) (before, rest string) {
	if i := strings.IndexAny(text, characters); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return "", text, false
}

func (r *reader) userInfo(text string) {
	user, password, _ := strings.Cut(text, ":")
	r.place(UID, "the URL's user", r.decoded("the URL's user", user))
	r.place(PWD, "the URL's password", r.decoded("the URL's password", password))
}

// authority reads host:port, or cluster:region after redshift:iam:.
func (r *reader) authority(text string, iam bool) {
	host, port := text, ""
	if inner, ok := strings.CutPrefix(text, "["); ok { // an IPv6 address
		address, rest, closed := strings.Cut(inner, "]")
		after, colon := strings.CutPrefix(rest, ":")
		if !closed || rest != "" && !colon {
			r.problem("the URL's host", "is an address in brackets that does not end as it should", "write [address]:port")
			return
		}
		host, port = address, after
	} else if before, after, found := cutLast(text, ":"); found {
		host, port = before, after
	}
	if strings.ContainsFunc(host, notOfHosts) || strings.Contains(host, ":") && !strings.HasPrefix(text, "[") {
		r.problem("the URL's host", "has characters that no host has", "write one host:port, and percent-encode /, ?, ;, &, @ and : in user and password")
		return
	}
	switch _, err := strconv.ParseUint(port, 10, 16); {
	case port == "" || err == nil:
		r.place(Host, "the URL's host", host)
		r.place(Port, "the URL's port", port)
	case iam && regionLike(port):
		r.place(ClusterID, "the URL's cluster", host)
		r.place(Region, "the URL's region", port)
	case iam:
		r.problem("the URL's port", "is neither a port nor a region", "write host:port or cluster:region")
	default:
		r.problem("the URL's port", "is no number up to 65535", "write host:port; cluster:region is for URLs that begin with redshift:iam:")
	}
}

// notOfHosts reports characters that neither names nor addresses have.
func notOfHosts(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(".-_:", c))
}

// regionLike reports whether text can be the name of a region.
func regionLike(text string) bool {
	return strings.Contains(text, "-") && !strings.ContainsFunc(text, func(c rune) bool { return notOfHosts(c) || strings.ContainsRune("._:", c) })
}

func (r *reader) path(text string) {
	if strings.ContainsAny(text, "/@") {
		r.problem("the URL's database", "holds a / or an @ as it is", "write %2F or %40; in a user and a password, too")
		return
	}
	r.place(Database, "the URL's database", r.decoded("the URL's database", text))
}

func (r *reader) urlProperties(text string) {
	last := ""
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == '?' || c == '&' }) {
		name, value, found := strings.Cut(part, "=")
		spelling, err := url.PathUnescape(name)
		spelling = strings.TrimSpace(spelling)
		if !found || err != nil || spelling == "" {
			if strings.TrimSpace(part) != "" {
				r.fragment(last)
			}
			continue
		}
		last = spelling
		r.add(spelling, r.decoded(spelling, value))
	}
}

// decoded is text without its percent-encoding. A plus stays one: session tokens have them.
func (r *reader) decoded(where, text string) string {
	plain, err := url.PathUnescape(text)
	if err != nil {
		if find(where, false) == nil && !strings.HasPrefix(where, "the URL's") {
			return "" // it is reported as unknown
		}
		r.problem(where, "has a % that is not followed by two hexadecimal digits", "write %25 for a percent sign")
		return ""
	}
	return plain
}

// findable reports a URL from which no host can be found.
func (r *reader) findable() {
	if len(r.problems) > 0 {
		return
	}
	for _, name := range []Name{Host, ClusterID, Workgroup, CustomDomain, VPCEndpoint, SecretID, AuthProfile} {
		if _, given := r.set.entries[name]; given {
			return
		}
	}
	r.problem(theText, "names no host or cluster",
		"write the host after //, or one of the properties ClusterID, Workgroup, CustomDomain, SecretID and AuthProfile")
}
