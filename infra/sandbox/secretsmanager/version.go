package secretsmanager

import (
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/secret"
)

// Limits of Secrets Manager.
//
// Source: AWS Secrets Manager User Guide, "Secrets Manager quotas".
const (
	maxVersions = 100
	minKept     = 24 * time.Hour // no version is removed before
	maxValue    = 65536          // bytes
)

// A version is one state of a secret. Once it has a value, the value never changes.
type version struct {
	id       string // the token of the call that made it
	created  time.Time
	accessed time.Time // a day; zero if never read
	value    value     // zero from the start of a rotation until its function puts one
	labels   []string  // sorted
	keys     []string  // ARNs of the KMS keys that open the value, the latest first; an empty one is AWS's own
	rotates  bool      // made by a rotation
}

// A value is the content of a version. The zero value is none at all.
type value struct {
	kind    kind
	content secret.Value
}

type kind int

const (
	absent kind = iota
	text
	binary
)

func (v value) equal(w value) bool {
	return v.kind == w.kind && v.content.Reveal() == w.content.Reveal()
}

// newValue reads the two members of which exactly one carries a value. Neither gives the zero value.
func newValue(str *string, bin []byte) (value, error) {
	v := value{}
	switch {
	case str != nil && bin != nil:
		return v, invalidParameter("You can't specify both a binary secret value and a string secret value.")
	case str != nil:
		v = value{text, secret.New(*str)}
	case bin != nil:
		v = value{binary, secret.New(string(bin))}
	default:
		return v, nil
	}
	if size := len(v.content.Reveal()); size == 0 || size > maxValue {
		return value{}, invalidParameter("The secret value has %d bytes; it must have between 1 and %d.", size, maxValue)
	}
	return v, nil
}

// checkToken refuses what cannot become the id of a version.
func checkToken(token string) error {
	if len(token) < 32 || len(token) > 64 {
		return invalidParameter("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

// valueToken is the token of an operation that puts a value. SDKs make one up, so that it is missing in raw
// requests only.
func valueToken(token *string) (string, error) {
	if token == nil {
		return "", invalidRequest("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	return *token, checkToken(*token)
}

func (r *record) version(id string) *version {
	i := slices.IndexFunc(r.versions, func(v *version) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	return r.versions[i]
}

// hasValue reports whether any version has one.
func (r *record) hasValue() bool {
	return slices.ContainsFunc(r.versions, func(v *version) bool { return v.value.kind != absent })
}

// add makes a version. At the limit it removes the oldest version that has no label and is old enough; where there is
// none, the secret takes no more versions for now.
func (r *record) add(id string, v value, now time.Time) (*version, error) {
	for len(r.versions) >= maxVersions {
		i := slices.IndexFunc(r.versions, func(v *version) bool {
			return len(v.labels) == 0 && now.Sub(v.created) >= minKept
		})
		if i < 0 {
			return nil, limitExceeded("The secret %s has %d versions and none that can be removed: versions are kept while they have "+
				"a staging label and for their first 24 hours.", r.name, len(r.versions))
		}
		r.versions = slices.Delete(r.versions, i, i+1)
	}
	made := &version{id: id, created: now, value: v}
	r.versions = append(r.versions, made)
	return made, nil
}

// drop removes a version that was there only for a test.
func (r *record) drop(id string) {
	r.versions = slices.DeleteFunc(r.versions, func(v *version) bool { return v.id == id })
}
