package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An attribute is one that a sender gives to a message, as it stands on the wire.
type attribute struct {
	DataType    string  `aws:"required"`
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
}

// maxAttributes is how many attributes a message may have.
const maxAttributes = 10

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)
	dataType      = regexp.MustCompile(`^(String|Number|Binary)(\.[^.].*)?$`)
)

func (a attribute) binary() bool { return strings.HasPrefix(a.DataType, "Binary") }

func (a attribute) text() string {
	if a.StringValue != nil {
		return *a.StringValue
	}
	return string(a.BinaryValue)
}

func checkAttributes(all map[string]attribute) error {
	if len(all) > maxAttributes {
		return refuse(invalidValue, "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(all), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		switch {
		case !attributeName.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws."):
			return refuse(invalidValue, "The message attribute name '%s' is invalid.", name)
		case !dataType.MatchString(a.DataType):
			return refuse(invalidValue, "The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		case a.text() == "" || a.binary() != (a.StringValue == nil):
			return refuse(invalidValue, "The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name, a.DataType)
		}
	}
	return nil
}

// size is what the attributes count of a message's size, in bytes.
func size(all map[string]attribute) int {
	n := 0
	for name, a := range all {
		n += len(name) + len(a.DataType) + len(a.text())
	}
	return n
}

// digest is the MD5 by which a client sees that a body came as it was sent.
func digest(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// digestOf is the MD5 of attributes; empty if there are none.
// Source: Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
func digestOf(all map[string]attribute) string {
	if len(all) == 0 {
		return ""
	}
	const (
		stringValue = 1
		binaryValue = 2
	)
	var b []byte
	part := func(text string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...) }
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		part(name)
		part(a.DataType)
		b = append(b, stringValue)
		if a.binary() {
			b[len(b)-1] = binaryValue
		}
		part(a.text())
	}
	return fmt.Sprintf("%x", md5.Sum(b))
}
