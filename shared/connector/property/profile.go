package property

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// FromAuthProfile reads the content of the Redshift authentication profile of that name: a JSON object of properties. Names may be
// spelled as in any of the three drivers and as the Python driver calls them inside (db_name, user_name, duration). Booleans and
// numbers count as the text they are written as, null as nothing, and a list of texts as one text with commas. See
// https://docs.aws.amazon.com/redshift/latest/mgmt/connecting-with-authentication-profiles.html.
//
// Errors: as [Parse] has them, each with the name of the profile; also for what a profile may not hold: properties that are or lead to
// secrets, and those that say which authorities, certificates and addresses of AWS to trust.
func FromAuthProfile(name string, content []byte) (Set, error) {
	r := reader{profile: true}
	r.object(content)
	set, err := r.result()
	if err != nil {
		return set, r.problems.Under(fmt.Sprintf("authentication profile %s: ", shown(name)))
	}
	return set, nil
}

// object reads a JSON object member by member, so that members of one name do not hide each other.
func (r *reader) object(content []byte) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		r.notJSON(decoder)
		return
	}
	for decoder.More() {
		key, err := decoder.Token()
		spelling, ok := key.(string)
		var value any
		if err != nil || !ok || decoder.Decode(&value) != nil {
			r.notJSON(decoder)
			return
		}
		spelling = strings.TrimSpace(spelling)
		if text, fine := textOf(value); fine {
			r.add(spelling, text)
		} else {
			r.problem(spelling, "is neither a text, a number, a truth nor a list of texts", `write "…"`)
		}
	}
	if _, err := decoder.Token(); err != nil { // the brace
		r.notJSON(decoder)
	} else if _, err := decoder.Token(); err != io.EOF {
		r.notJSON(decoder)
	}
}

// notJSON replaces what was found so far: half a document says nothing for certain.
func (r *reader) notJSON(decoder *json.Decoder) {
	r.problems = fault.Problems{{Where: "content", What: fmt.Sprintf("is no JSON object, as byte %d shows", decoder.InputOffset()+1),
		Fix: `write {"name": "value", …} with ModifyAuthenticationProfile`}}
}

// textOf is a JSON value as text, and whether it can be one.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return fmt.Sprint(v), true
	case json.Number:
		return v.String(), true
	case []any:
		texts := make([]string, len(v))
		for i, element := range v {
			text, ok := element.(string)
			if !ok || strings.Contains(text, ",") {
				return "", false
			}
			texts[i] = text
		}
		return strings.Join(texts, ","), true
	}
	return "", false
}
