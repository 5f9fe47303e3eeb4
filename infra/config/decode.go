package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
)

// wholeDocument is where a problem is that keeps the document from being read at all.
const wholeDocument = "document"

// decode writes document into the struct that into points to. Unlike encoding/json it goes on after a problem, tells
// where each one is, matches keys exactly, and refuses keys that are unknown, missing (unless omitempty) or there twice.
func decode(document []byte, into any) fault.Problems {
	d := decoder{json: json.NewDecoder(bytes.NewReader(document))}
	d.json.UseNumber()
	tree, err := d.tree("")
	if err == nil {
		if _, after := d.json.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("something follows its end")
		}
	}
	if err != nil {
		line := 1 + bytes.Count(document[:d.json.InputOffset()], []byte("\n"))
		return fault.Problems{{Where: wholeDocument, What: fmt.Sprintf("is not JSON near line %d: %v", line, err), Fix: "mend it there"}}
	}
	d.bind("", tree, reflect.ValueOf(into).Elem())
	return d.problems
}

type decoder struct {
	json     *json.Decoder
	problems fault.Problems
}

func (d *decoder) problem(where, what, fix string) {
	d.problems = append(d.problems, fault.Problem{Where: where, What: what, Fix: fix})
}

// tree reads one value as map[string]any, []any, string, json.Number, bool or nil.
func (d *decoder) tree(path string) (any, error) {
	token, err := d.json.Token()
	if err != nil {
		return nil, unexpectedEnd(err)
	}
	switch token {
	case json.Delim('{'):
		return d.object(path)
	case json.Delim('['):
		return d.list(path)
	}
	return token, nil
}

func (d *decoder) object(path string) (any, error) {
	object := make(map[string]any)
	for d.json.More() {
		key, err := d.json.Token()
		if err != nil {
			return nil, unexpectedEnd(err)
		}
		name := key.(string) // the tokenizer takes nothing else as a key
		if _, twice := object[name]; twice {
			d.problem(join(path, name), "is there twice", "keep one of them")
		}
		if object[name], err = d.tree(join(path, name)); err != nil {
			return nil, err
		}
	}
	_, err := d.json.Token()
	return object, unexpectedEnd(err)
}

func (d *decoder) list(path string) (any, error) {
	list := []any{}
	for d.json.More() {
		element, err := d.tree(index(path, len(list)))
		if err != nil {
			return nil, err
		}
		list = append(list, element)
	}
	_, err := d.json.Token()
	return list, unexpectedEnd(err)
}

// bind writes what was read at path into v.
func (d *decoder) bind(path string, read any, v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(path, read, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if part, ok := v.Interface().(interface{ setDefaults() }); ok {
			part.setDefaults()
		}
		d.bind(path, read, v.Elem())
	case reflect.Struct:
		if object, ok := is[map[string]any](d, path, read, "an object"); ok {
			d.fields(path, object, v)
		}
	case reflect.Map:
		if object, ok := is[map[string]any](d, path, read, "an object"); ok {
			v.Set(reflect.MakeMap(v.Type()))
			for _, name := range slices.Sorted(maps.Keys(object)) {
				element := reflect.New(v.Type().Elem()).Elem()
				d.bind(join(path, name), object[name], element)
				v.SetMapIndex(reflect.ValueOf(name), element)
			}
		}
	case reflect.Slice:
		if list, ok := is[[]any](d, path, read, "a list"); ok {
			v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
			for i, element := range list {
				d.bind(index(path, i), element, v.Index(i))
			}
		}
	case reflect.String:
		if text, ok := is[string](d, path, read, "a string"); ok {
			v.SetString(text)
		}
	case reflect.Bool:
		if truth, ok := is[bool](d, path, read, "true or false"); ok {
			v.SetBool(truth)
		}
	case reflect.Int:
		if number, ok := is[json.Number](d, path, read, "a whole number"); ok {
			n, err := number.Int64()
			if err != nil {
				d.problem(path, "is "+number.String(), "write a whole number")
			}
			v.SetInt(n)
		}
	default:
		panic(fmt.Sprintf("config: no rule to read a %s", v.Type())) // a field was added that needs one
	}
}

// fields writes object into the struct v.
func (d *decoder) fields(path string, object map[string]any, v reflect.Value) {
	rest := maps.Clone(object)
	var known []string
	for field, value := range v.Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		known = append(known, name)
		read, there := rest[name]
		delete(rest, name)
		switch {
		case there:
			d.bind(join(path, name), read, value)
		case option != "omitempty":
			d.problem(join(path, name), "is missing", "add it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		d.problem(join(path, name), "is unknown", "use "+strings.Join(known, ", "))
	}
}

func (d *decoder) duration(path string, read any, v reflect.Value) {
	text, ok := is[string](d, path, read, `a duration such as "60m"`)
	if !ok {
		return
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		d.problem(path, fmt.Sprintf("is %q", text), `write a duration such as "60m"`)
		return
	}
	v.SetInt(int64(duration))
}

// is returns read as a T, or reports that it is something else.
func is[T any](d *decoder, path string, read any, want string) (T, bool) {
	t, ok := read.(T)
	if !ok {
		where := path
		if where == "" {
			where = wholeDocument
		}
		d.problem(where, "is "+kind(read), "write "+want)
	}
	return t, ok
}

func kind(read any) string {
	switch read := read.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", read)
	case json.Number:
		return "the number " + read.String()
	case nil:
		return "null"
	}
	return fmt.Sprint(read)
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func join(path, name string) string {
	if name == "" {
		name = `""`
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
