package awshttp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Which members of an output go into a JSON tree: those of the HTTP body, or all.
const (
	bodyMembers = false
	everyMember = true
)

// jsonTree turns an output into maps, slices and scalars that encoding/json writes as AWS would.
func jsonTree(output any, all bool) (any, error) {
	if tree, ok := output.(map[string]any); ok {
		return tree, nil
	}
	v := reflect.ValueOf(output)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() {
		return map[string]any{}, nil
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("encode output: want a struct, have %T", output)
	}
	return structTree(v, all), nil
}

func structTree(v reflect.Value, all bool) map[string]any {
	tree := map[string]any{}
	for m := range members(v.Type()) {
		field := v.FieldByIndex(m.Index)
		if m.absent(field) || m.place == "status" || m.place != "" && !all {
			continue
		}
		tree[m.name] = valueTree(m, field)
	}
	return tree
}

func valueTree(m member, v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Pointer, v.Kind() == reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return valueTree(m, v.Elem())
	case v.Type() == timeType:
		return jsonTime(v.Interface().(time.Time), m.dateTime)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		if m.place == "payload" {
			return string(v.Bytes())
		}
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueTree(m, v.Index(i))
		}
		return list
	case v.Kind() == reflect.Map:
		tree := map[string]any{}
		for key, item := range v.Seq2() {
			tree[key.String()] = valueTree(m, item)
		}
		return tree
	case v.Kind() == reflect.Struct:
		return structTree(v, everyMember)
	default:
		return v.Interface()
	}
}

// jsonTime writes a time as seconds since 1970 with milliseconds, or as a date-time.
func jsonTime(at time.Time, dateTime bool) any {
	if dateTime {
		return at.UTC().Format("2006-01-02T15:04:05.999Z")
	}
	return json.Number(strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64))
}
