package awshttp

import (
	"iter"
	"reflect"
	"strings"
	"time"
)

// A member is a field of an input or output struct, as its tags describe it.
type member struct {
	reflect.StructField
	name      string // in the service model
	omitEmpty bool
	required  bool
	dateTime  bool
	list      string // name of the elements in XML; empty is the protocol's
	place     string // path, query, header, status, payload; empty: the body
	key       string // name of the capture, parameter or header
}

// members lists the fields of a struct type, those of embedded structs in their place.
func members(t reflect.Type) iter.Seq[member] {
	return func(yield func(member) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous || !f.IsExported() {
				continue
			}
			if m, ok := describe(f); ok && !yield(m) {
				return
			}
		}
	}
}

// describe reads the tags of a field; false if the field is no member.
func describe(f reflect.StructField) (member, bool) {
	m := member{StructField: f, name: f.Name}
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return m, false
	}
	if name != "" {
		m.name = name
	}
	m.omitEmpty = strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
	for word := range strings.SplitSeq(f.Tag.Get("aws"), ",") {
		word, value, _ := strings.Cut(word, "=")
		switch word {
		case "required":
			m.required = true
		case "date-time":
			m.dateTime = true
		case "list":
			m.list = value
		case "path", "query", "header", "status", "payload":
			m.place, m.key = word, value
		}
	}
	return m, true
}

var timeType = reflect.TypeFor[time.Time]()

// absent reports whether an output leaves the value of m out.
func (m member) absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		if v.IsNil() {
			return true
		}
	}
	return v.IsZero() && (m.omitEmpty || v.Type() == timeType)
}
