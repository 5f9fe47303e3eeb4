package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A condition is one key of one operator.
type condition struct {
	operator
	key      string
	values   []template
	null     bool   // the Null operator
	ifExists bool   // an absent key is no obstacle
	set      string // "", ForAllValues, ForAnyValue
}

// An operator compares one value of a request with one value of a policy.
type operator struct {
	negated   bool // holds if no value of the policy compares
	wildcards bool // * and ? in the policy's value are wildcards
	compare   func(want glob, have string) bool
	valid     func(text string) bool // of a policy's value without variables; nil: any text
}

// operators are those that the sandbox knows.
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"StringEquals":              {compare: equal},
	"StringNotEquals":           {compare: equal, negated: true},
	"StringEqualsIgnoreCase":    {compare: equalFold},
	"StringNotEqualsIgnoreCase": {compare: equalFold, negated: true},
	"StringLike":                {compare: glob.match, wildcards: true},
	"StringNotLike":             {compare: glob.match, wildcards: true, negated: true},
	// AWS says that ArnEquals and ArnLike behave identically.
	"ArnEquals":                {compare: glob.matchARN, wildcards: true, valid: isARN},
	"ArnNotEquals":             {compare: glob.matchARN, wildcards: true, valid: isARN, negated: true},
	"ArnLike":                  {compare: glob.matchARN, wildcards: true, valid: isARN},
	"ArnNotLike":               {compare: glob.matchARN, wildcards: true, valid: isARN, negated: true},
	"Bool":                     {compare: equalFold, valid: isBool},
	"NumericEquals":            numeric(func(c int) bool { return c == 0 }),
	"NumericNotEquals":         not(numeric(func(c int) bool { return c == 0 })),
	"NumericLessThan":          numeric(func(c int) bool { return c < 0 }),
	"NumericLessThanEquals":    numeric(func(c int) bool { return c <= 0 }),
	"NumericGreaterThan":       numeric(func(c int) bool { return c > 0 }),
	"NumericGreaterThanEquals": numeric(func(c int) bool { return c >= 0 }),
	"DateEquals":               date(func(c int) bool { return c == 0 }),
	"DateNotEquals":            not(date(func(c int) bool { return c == 0 })),
	"DateLessThan":             date(func(c int) bool { return c < 0 }),
	"DateLessThanEquals":       date(func(c int) bool { return c <= 0 }),
	"DateGreaterThan":          date(func(c int) bool { return c > 0 }),
	"DateGreaterThanEquals":    date(func(c int) bool { return c >= 0 }),
}

func equal(want glob, have string) bool     { return string(want) == have }
func equalFold(want glob, have string) bool { return strings.EqualFold(string(want), have) }
func isARN(s string) bool {
	return strings.HasPrefix(s, "arn:") && strings.Count(s, ":") >= arnSegments-1 || s == "*"
}
func isBool(s string) bool { return s == "true" || s == "false" }

func not(o operator) operator {
	o.negated = true
	return o
}

// numeric makes an operator of what the order of the request's value and the policy's must be.
func numeric(holds func(order int) bool) operator {
	parse := func(s string) (float64, bool) {
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil && f == f // no NaN: it has no order
	}
	return ordered(parse, func(have, want float64) int {
		switch {
		case have < want:
			return -1
		case have > want:
			return 1
		}
		return 0
	}, holds)
}

func date(holds func(order int) bool) operator {
	return ordered(parseDate, time.Time.Compare, holds)
}

func ordered[T any](parse func(string) (T, bool), order func(have, want T) int, holds func(int) bool) operator {
	return operator{
		valid: func(s string) bool {
			_, ok := parse(s)
			return ok
		},
		compare: func(want glob, have string) bool {
			w, ok := parse(string(want))
			h, also := parse(have)
			return ok && also && holds(order(h, w))
		},
	}
}

// parseDate reads the ISO 8601 forms that AWS documents, and seconds since 1970.
func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > len("2026") {
		return time.Unix(seconds, 0), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00", time.DateOnly, "2006-01", "2006"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// holds reports whether the request fulfils the condition.
func (c condition) holds(keys context) bool {
	have, present := keys[strings.ToLower(c.key)]
	present = present && len(have) > 0
	if c.null {
		return slices.ContainsFunc(c.values, func(t template) bool {
			text, _ := t.literal()
			return (text == "true") == !present
		})
	}
	fits := func(value string) bool { return c.compares(value, keys) != c.negated }
	switch {
	case !present && c.ifExists:
		return true
	case c.set == "ForAllValues":
		return !slices.ContainsFunc(have, func(v string) bool { return !fits(v) })
	case c.set == "ForAnyValue":
		return slices.ContainsFunc(have, fits)
	case c.negated: // an absent key holds, and one with several values must have none of those that are named
		return !slices.ContainsFunc(have, func(v string) bool { return !fits(v) })
	default:
		return slices.ContainsFunc(have, fits)
	}
}

// compares reports whether one of the policy's values fits. A variable without a value fits nothing.
func (c condition) compares(have string, keys context) bool {
	return slices.ContainsFunc(c.values, func(t template) bool {
		want, ok := t.expand(keys, c.wildcards)
		return ok && c.compare(want, have)
	})
}

// conditions reads the Condition element.
func (r *reader) conditions(path string, value any) []condition {
	byOperator, ok := value.(map[string]any)
	if !ok {
		r.problem(path, "must be an object of operators")
		return nil
	}
	var all []condition
	for name, keys := range byOperator {
		where := path + "." + name
		c, known := newCondition(name)
		if !known {
			r.problem(where, "the sandbox does not know this condition operator")
			continue
		}
		byKey, ok := keys.(map[string]any)
		if !ok || len(byKey) == 0 {
			r.problem(where, "must be an object of condition keys")
			continue
		}
		for key, values := range byKey {
			c.key = key
			c.values = r.conditionValues(where+"."+key, c, values)
			all = append(all, c)
		}
	}
	return all
}

// newCondition reads the name of an operator with its prefix and suffix.
func newCondition(name string) (c condition, known bool) {
	if set, rest, found := strings.Cut(name, ":"); found {
		if set != "ForAllValues" && set != "ForAnyValue" {
			return c, false
		}
		c.set, name = set, rest
	}
	if name == "Null" && c.set == "" {
		c.null = true
		c.operator = operator{valid: isBool}
		return c, true
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	c.operator, known = operators[name]
	return c, known
}

func (r *reader) conditionValues(path string, c condition, values any) []template {
	var all []template
	for _, text := range r.strings(path, values) {
		t := r.template(path, text)
		if literal, ok := t.literal(); ok && c.valid != nil && !c.valid(literal) {
			r.problem(path, "invalid value %q for this operator", text)
		}
		all = append(all, t)
	}
	return all
}
