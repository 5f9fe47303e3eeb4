package resolve

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/secret"
)

// value is what was given for a property, and where. The zero secret with Default is a property that nobody gave.
func (r *resolver) value(name property.Name) (secret.Value, Origin) {
	if v, given := r.in.Explicit.Get(name); given {
		return v, Explicit
	}
	if v, given := r.in.AuthProfile.Get(name); given {
		return v, FromAuthProfile
	}
	return secret.Value{}, Default
}

// given reports whether a property was given, wherever.
func (r *resolver) given(name property.Name) bool {
	_, from := r.value(name)
	return from != Default
}

// lost is what the authentication profile says, where the program says something else. A profile holds no secrets: Redshift and
// [property.FromAuthProfile] refuse them.
func (r *resolver) lost(name property.Name, same func(a, b string) bool) (note string) {
	mine, explicit := r.in.Explicit.Get(name)
	other, too := r.in.AuthProfile.Get(name)
	if !explicit || !too || same(strings.TrimSpace(mine.Reveal()), strings.TrimSpace(other.Reveal())) {
		return ""
	}
	r.notice(name, "is another in the authentication profile; what the program says counts")
	return over(FromAuthProfile, other.Reveal())
}

// over is the note of a value that won over another.
func over(loser Origin, text string) string {
	return fmt.Sprintf("wins over %q from the %s", text, loser)
}

// text is a property that people may read, without spaces around it, and remembers where it came from; empty if it was not given.
func (r *resolver) text(name property.Name) string {
	v, from := r.value(name)
	text := strings.TrimSpace(v.Reveal())
	if text == "" {
		return ""
	}
	r.remember(name, text, from, r.lost(name, func(a, b string) bool { return a == b }))
	return text
}

// hidden is a property that nobody may read.
func (r *resolver) hidden(name property.Name) secret.Value {
	v, from := r.value(name)
	if !v.IsZero() {
		r.remember(name, "[secret]", from, "")
	}
	return v
}

// boolean is a property that is on or off. It is off by default, and taken as not given if it is neither.
func (r *resolver) boolean(name property.Name) (on, given bool) {
	v, from := r.value(name)
	if from == Default {
		return false, false
	}
	on, ok := truth(v.Reveal())
	if !ok {
		r.problem(name, "write 1 or true, 0 or false", "is neither on nor off")
		return false, false
	}
	r.remember(name, strconv.FormatBool(on), from, r.lost(name, sameTruth))
	return on, true
}

// truth reads on and off as the drivers write them. ok is false for what is neither.
func truth(text string) (on, ok bool) {
	switch lower(strings.TrimSpace(text)) {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

func sameTruth(a, b string) bool {
	x, _ := truth(a)
	y, ok := truth(b)
	return ok && x == y
}

// seconds is a property that is a time within bounds; 0 if it was not given.
func (r *resolver) seconds(name property.Name, least, most time.Duration) time.Duration {
	text := r.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < int(least.Seconds()) || n > int(most.Seconds()) {
		r.problem(name, fmt.Sprintf("write whole seconds from %d to %d", int(least.Seconds()), int(most.Seconds())), "is no number of seconds in range")
		return 0
	}
	return time.Duration(n) * time.Second
}

// remember notes a value for people. The last word on a name counts.
func (r *resolver) remember(name property.Name, text string, from Origin, note string) {
	v := Value{name, text, from, note}
	if i := slices.IndexFunc(r.out.Values, func(v Value) bool { return v.Name == name }); i >= 0 {
		r.out.Values[i] = v
		return
	}
	r.out.Values = append(r.out.Values, v)
}

// withHost settles a property that the name of the host may say too: what was given counts, and the host fills what was not.
func (r *resolver) withHost(name property.Name, given, host string) string {
	switch {
	case given == "" && host != "":
		r.remember(name, host, FromHost, "")
		return host
	case given != "" && host != "" && given != host:
		_, from := r.value(name)
		r.notice(name, "is another than the host's, which is %s; what is given counts", host)
		r.remember(name, given, from, over(FromHost, host))
	}
	return given
}
