package awshttp

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// xmlOutput is the answer of a query service:
// <OpResponse><OpResult>…</OpResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></OpResponse>.
func xmlOutput(s Service, call *Call, output any) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, call.Operation, s.Namespace)
	if v := reflect.Indirect(reflect.ValueOf(output)); v.IsValid() {
		element(&b, call.Operation+"Result", func() { xmlMembers(&b, v) })
	}
	element(&b, "ResponseMetadata", func() { text(&b, "RequestId", call.RequestID) })
	fmt.Fprintf(&b, "</%sResponse>", call.Operation)
	return b.Bytes()
}

// xmlError is how IAM, STS and Redshift write an error.
func xmlError(s Service, requestID string, e *Error) []byte {
	var b bytes.Buffer
	kind := "Sender"
	if e.Status >= 500 {
		kind = "Receiver"
	}
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s">`, s.Namespace)
	element(&b, "Error", func() {
		text(&b, "Type", kind)
		text(&b, "Code", e.Code)
		text(&b, "Message", e.Message)
	})
	text(&b, "RequestId", requestID)
	b.WriteString("</ErrorResponse>")
	return b.Bytes()
}

func element(b *bytes.Buffer, name string, content func()) {
	b.WriteString("<" + name + ">")
	content()
	b.WriteString("</" + name + ">")
}

func text(b *bytes.Buffer, name, content string) {
	element(b, name, func() { _ = xml.EscapeText(b, []byte(content)) }) // a bytes.Buffer takes everything
}

func xmlMembers(b *bytes.Buffer, v reflect.Value) {
	for m := range members(v.Type()) {
		if field := v.FieldByIndex(m.Index); !m.absent(field) {
			element(b, m.name, func() { xmlValue(b, m, field) })
		}
	}
}

func xmlValue(b *bytes.Buffer, m member, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			xmlValue(b, m, v.Elem())
		}
	case v.Type() == timeType:
		b.WriteString(v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.999Z"))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		b.WriteString(base64.StdEncoding.EncodeToString(v.Bytes()))
	case v.Kind() == reflect.Slice:
		for _, item := range v.Seq2() {
			element(b, m.list, func() { xmlValue(b, m, item) })
		}
	case v.Kind() == reflect.Map:
		entries := v.Interface().(map[string]string) // the only maps in the outputs of query services
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			element(b, "entry", func() { text(b, "key", key); text(b, "value", entries[key]) })
		}
	case v.Kind() == reflect.Struct:
		xmlMembers(b, v)
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v.Interface())))
	}
}
