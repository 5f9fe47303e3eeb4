package awshttp

import (
	"bytes"
	"cmp"
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
	b := encoder{list: "member"}
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, call.Operation, s.Namespace)
	if v := reflect.Indirect(reflect.ValueOf(output)); v.IsValid() {
		b.element(call.Operation+"Result", func() { b.members(v) })
	}
	b.element("ResponseMetadata", func() { b.text("RequestId", call.RequestID) })
	fmt.Fprintf(&b, "</%sResponse>", call.Operation)
	return b.Bytes()
}

// ec2Output is the answer of EC2: <OpResponse><requestId>…</requestId>…</OpResponse>.
func ec2Output(s Service, call *Call, output any) []byte {
	b := encoder{list: "item"}
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, call.Operation, s.Namespace)
	b.text("requestId", call.RequestID)
	if v := reflect.Indirect(reflect.ValueOf(output)); v.IsValid() {
		b.members(v)
	}
	fmt.Fprintf(&b, "</%sResponse>", call.Operation)
	return b.Bytes()
}

// xmlError is how IAM, STS and Redshift write an error.
func xmlError(s Service, requestID string, e *Error) []byte {
	var b encoder
	kind := "Sender"
	if e.Status >= 500 {
		kind = "Receiver"
	}
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s">`, s.Namespace)
	b.element("Error", func() {
		b.text("Type", kind)
		b.text("Code", e.Code)
		b.text("Message", e.Message)
	})
	b.text("RequestId", requestID)
	b.WriteString("</ErrorResponse>")
	return b.Bytes()
}

// ec2Error is how EC2 writes an error.
func ec2Error(requestID string, e *Error) []byte {
	var b encoder
	b.element("Response", func() {
		b.element("Errors", func() {
			b.element("Error", func() {
				b.text("Code", e.Code)
				b.text("Message", e.Message)
			})
		})
		b.text("RequestID", requestID)
	})
	return b.Bytes()
}

// An encoder writes XML.
type encoder struct {
	bytes.Buffer
	list string // name of the elements of lists whose tags do not give one
}

func (b *encoder) element(name string, content func()) {
	b.WriteString("<" + name + ">")
	content()
	b.WriteString("</" + name + ">")
}

func (b *encoder) text(name, content string) {
	b.element(name, func() { _ = xml.EscapeText(b, []byte(content)) }) // a buffer takes everything
}

func (b *encoder) members(v reflect.Value) {
	for m := range members(v.Type()) {
		if field := v.FieldByIndex(m.Index); !m.absent(field) {
			b.element(m.name, func() { b.value(m, field) })
		}
	}
}

func (b *encoder) value(m member, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			b.value(m, v.Elem())
		}
	case v.Type() == timeType:
		b.WriteString(v.Interface().(time.Time).UTC().Format("2006-01-02T15:04:05.999Z"))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		b.WriteString(base64.StdEncoding.EncodeToString(v.Bytes()))
	case v.Kind() == reflect.Slice:
		for _, item := range v.Seq2() {
			b.element(cmp.Or(m.list, b.list), func() { b.value(m, item) })
		}
	case v.Kind() == reflect.Map:
		entries := v.Interface().(map[string]string) // the only maps in the outputs of query services
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			b.element("entry", func() { b.text("key", key); b.text("value", entries[key]) })
		}
	case v.Kind() == reflect.Struct:
		b.members(v)
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v.Interface())))
	}
}
