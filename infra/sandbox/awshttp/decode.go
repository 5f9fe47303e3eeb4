package awshttp

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parseJSON reads an object; an empty body is an empty object.
func parseJSON(body []byte) (map[string]any, error) {
	members := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&members); err != nil && !errors.Is(err, io.EOF) {
		return nil, malformed("the body is not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("the body goes on after the JSON object")
	}
	return members, nil
}

// decode fills the struct that into points to.
func (e *endpoint) decode(call *Call, in input, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decode input of %s: want a pointer to a struct, have %T", call.Operation, into)
	}
	if e.Protocol == RESTJSON && !in.direct && !hasPayload(target.Elem().Type()) {
		var err error
		if in.members, err = parseJSON(in.body); err != nil {
			return err
		}
	}
	b := binder{input: in}
	b.request(target.Elem())
	return e.verdict(call, b)
}

func hasPayload(t reflect.Type) bool {
	for m := range members(t) {
		if m.place == "payload" {
			return true
		}
	}
	return false
}

// verdict is the error for all that a binder found.
func (e *endpoint) verdict(call *Call, b binder) error {
	if len(b.unknown) > 0 {
		slices.Sort(b.unknown)
		return e.spell(&Error{Status: http.StatusNotImplemented, Code: "UnknownOperationException", Message: fmt.Sprintf(
			"the sandbox does not have member %s of operation %q of service %q", strings.Join(b.unknown, ", "), call.Operation, e.Name)})
	}
	if len(b.misfits) > 0 {
		return malformed(strings.Join(b.misfits, "; "))
	}
	switch n := len(b.missing); n {
	case 0:
		return nil
	case 1:
		return &Error{Code: e.invalid(), Message: "1 validation error detected: " + b.missing[0]}
	default:
		return &Error{Code: e.invalid(), Message: fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(b.missing, "; "))}
	}
}

func (e *endpoint) invalid() string { return cmp.Or(e.Invalid, "ValidationException") }

// A binder carries a parsed input into a struct and collects what does not fit.
type binder struct {
	input
	unknown []string // members that the struct does not have
	misfits []string // values of a wrong type
	missing []string // required members that are not there
}

// request binds the members of the whole input, each from its place.
func (b *binder) request(target reflect.Value) {
	known := map[string]bool{}
	for m := range members(target.Type()) {
		known[m.name] = true
		value, present := b.find(m)
		b.member("", m, value, present, target)
	}
	if !hasPayload(target.Type()) {
		b.strangers("", b.members, known)
	}
}

// find looks a member up where its tags say it stands.
func (b *binder) find(m member) (value any, present bool) {
	if b.direct && m.place != "payload" {
		value, present = b.members[m.name]
		return value, present && value != nil
	}
	switch m.place {
	case "path":
		value, present = b.path[m.key]
	case "query":
		value, present = b.query.Get(m.key), b.query.Has(m.key)
	case "header":
		value, present = b.header.Get(m.key), b.header.Get(m.key) != ""
	case "payload":
		value, present = b.body, len(b.body) > 0
	default:
		value, present = b.members[m.name]
	}
	return value, present && value != nil
}

// member binds one field of target, and reports it if it is required and missing.
func (b *binder) member(path string, m member, value any, present bool, target reflect.Value) {
	where := join(path, m.name)
	if !present {
		if m.required {
			b.missing = append(b.missing, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", where))
		}
		return
	}
	field := target.FieldByIndex(m.Index)
	if raw, ok := value.([]byte); ok {
		field.SetBytes(raw)
		return
	}
	b.bind(where, value, field)
}

// structure binds a nested structure.
func (b *binder) structure(path string, values map[string]any, target reflect.Value) {
	known := map[string]bool{}
	for m := range members(target.Type()) {
		known[m.name] = true
		value := values[m.name]
		b.member(path, m, value, value != nil, target)
	}
	b.strangers(path, values, known)
}

func (b *binder) strangers(path string, values map[string]any, known map[string]bool) {
	for name := range values {
		if !known[name] {
			b.unknown = append(b.unknown, strconv.Quote(join(path, name)))
		}
	}
}

func (b *binder) bind(path string, value any, target reflect.Value) {
	switch {
	case target.Kind() == reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		b.bind(path, value, target.Elem())
	case target.Type() == timeType:
		b.time(path, value, target)
	case target.Kind() == reflect.Interface:
		target.Set(reflect.ValueOf(value))
	case target.Kind() == reflect.Slice && target.Type().Elem().Kind() == reflect.Uint8:
		b.blob(path, value, target)
	case target.Kind() == reflect.Slice:
		b.list(path, value, target)
	case target.Kind() == reflect.Map:
		b.mapping(path, value, target)
	case target.Kind() == reflect.Struct:
		if values, ok := value.(map[string]any); ok {
			b.structure(path, values, target)
		} else {
			b.misfit(path, "a structure")
		}
	default:
		b.scalar(path, value, target)
	}
}

func (b *binder) misfit(path, want string) {
	b.misfits = append(b.misfits, fmt.Sprintf("'%s' must be %s", path, want))
}

func (b *binder) time(path string, value any, target reflect.Value) {
	switch v := value.(type) {
	case json.Number:
		seconds, err := v.Float64()
		if err == nil {
			target.Set(reflect.ValueOf(time.UnixMilli(int64(seconds * 1000)).UTC()))
			return
		}
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			target.Set(reflect.ValueOf(at.UTC()))
			return
		}
	}
	b.misfit(path, "a timestamp")
}

func (b *binder) blob(path string, value any, target reflect.Value) {
	text, ok := value.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		b.misfit(path, "base64")
		return
	}
	target.SetBytes(raw)
}

func (b *binder) list(path string, value any, target reflect.Value) {
	items, ok := value.([]any)
	switch {
	case b.flat:
		items, ok = flatList(value)
	case b.form:
		items, ok = formList(value)
	}
	if !ok {
		b.misfit(path, "a list")
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(items), len(items)))
	for i, item := range items {
		if item == nil {
			b.misfit(fmt.Sprintf("%s.%d.member", path, i+1), "a value")
			continue
		}
		b.bind(fmt.Sprintf("%s.%d.member", path, i+1), item, target.Index(i))
	}
}

// formList reads {"member": {"1": …, "2": …}}, whatever the word is, in the order of the numbers. An empty list is
// sent as an empty value.
func formList(value any) (items []any, ok bool) {
	wrapper, ok := value.(map[string]any)
	if !ok {
		return nil, value == ""
	}
	if len(wrapper) != 1 {
		return nil, false
	}
	for _, inner := range wrapper {
		numbered, isMap := inner.(map[string]any)
		if !isMap {
			return nil, inner == ""
		}
		return inOrder(numbered)
	}
	return nil, false
}

// flatList reads {"1": …, "2": …}.
func flatList(value any) (items []any, ok bool) {
	numbered, ok := value.(map[string]any)
	if !ok {
		return nil, value == ""
	}
	return inOrder(numbered)
}

// inOrder lists values by the numbers that are their keys.
func inOrder(numbered map[string]any) (items []any, ok bool) {
	order := map[int]any{}
	for key, item := range numbered {
		n, err := strconv.Atoi(key)
		if err != nil || n < 1 {
			return nil, false
		}
		order[n] = item
	}
	for _, n := range slices.Sorted(maps.Keys(order)) {
		items = append(items, order[n])
	}
	return items, true
}

func (b *binder) mapping(path string, value any, target reflect.Value) {
	values, ok := value.(map[string]any)
	if b.form {
		values, ok = formMap(value)
	}
	if !ok || target.Type().Key().Kind() != reflect.String {
		b.misfit(path, "a map")
		return
	}
	target.Set(reflect.MakeMapWithSize(target.Type(), len(values)))
	for key, item := range values {
		element := reflect.New(target.Type().Elem()).Elem()
		if item == nil {
			b.misfit(join(path, key), "a value")
			continue
		}
		b.bind(join(path, key), item, element)
		target.SetMapIndex(reflect.ValueOf(key).Convert(target.Type().Key()), element)
	}
}

// formMap reads {"entry": {"1": {"key": …, "value": …}}}.
func formMap(value any) (values map[string]any, ok bool) {
	entries, ok := formList(value)
	if !ok {
		return nil, false
	}
	values = map[string]any{}
	for _, entry := range entries {
		pair, _ := entry.(map[string]any)
		key, isText := pair["key"].(string)
		if !isText {
			return nil, false
		}
		values[key] = pair["value"]
	}
	return values, true
}

// scalar binds strings, bools and numbers. Outside JSON bodies all of them come as strings; templates may have them so too.
func (b *binder) scalar(path string, value any, target reflect.Value) {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	if isText && target.Kind() != reflect.String && (b.form || b.direct || b.query != nil) {
		number, isNumber = json.Number(text), true
	}
	switch target.Kind() {
	case reflect.String:
		if !isText {
			b.misfit(path, "a string")
			return
		}
		target.SetString(text)
	case reflect.Bool:
		truth, ok := value.(bool)
		if !ok && isNumber {
			parsed, err := strconv.ParseBool(string(number))
			truth, ok = parsed, err == nil
		}
		if !ok {
			b.misfit(path, "a boolean")
			return
		}
		target.SetBool(truth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(string(number), 10, target.Type().Bits())
		if !isNumber || err != nil {
			b.misfit(path, "an integer")
			return
		}
		target.SetInt(n)
	case reflect.Float32, reflect.Float64:
		f, err := number.Float64()
		if !isNumber || err != nil {
			b.misfit(path, "a number")
			return
		}
		target.SetFloat(f)
	default:
		b.misfit(path, "something that a field of type "+target.Type().String()+" can hold")
	}
}

// join names a member inside another one.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
