package awshttp

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"reflect"
	"strconv"
)

// queryCodes spells the codes that all services share as the query protocol does.
var queryCodes = map[string]string{
	"AccessDeniedException":               "AccessDenied",
	"ExpiredTokenException":               "ExpiredToken",
	"IncompleteSignatureException":        "IncompleteSignature",
	"InvalidSignatureException":           "SignatureDoesNotMatch",
	"MissingAuthenticationTokenException": "MissingAuthenticationToken",
	"SerializationException":              "MalformedQueryString",
	"ThrottlingException":                 "Throttling",
	"UnknownOperationException":           "InvalidAction",
	"UnrecognizedClientException":         "InvalidClientTokenId",
}

// ec2Codes spells them as EC2 does.
//
// Source: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API".
var ec2Codes = map[string]string{
	"AccessDeniedException":               "UnauthorizedOperation",
	"ExpiredTokenException":               "RequestExpired",
	"IncompleteSignatureException":        "IncompleteSignature",
	"InvalidSignatureException":           "AuthFailure",
	"MissingAuthenticationTokenException": "MissingAuthenticationToken",
	"SerializationException":              "MalformedQueryString",
	"ThrottlingException":                 "RequestLimitExceeded",
	"UnknownOperationException":           "InvalidAction",
	"UnrecognizedClientException":         "AuthFailure",
}

// spell gives a shared code and its status the form that the protocol of e has: AWS's JSON services answer 400 where
// the others answer 403. Other errors stay as they are.
func (e *endpoint) spell(err *Error) *Error {
	spelled := *err
	if err.Exact {
		return &spelled
	}
	if spelled.Status == http.StatusForbidden && e.Protocol == JSON {
		spelled.Status = http.StatusBadRequest
	}
	if e.Protocol == Query {
		spelled.Code = cmp.Or(queryCodes[err.Code], err.Code)
	}
	if e.Protocol == EC2Query {
		spelled.Code = cmp.Or(ec2Codes[err.Code], err.Code)
		switch err.Code {
		case "AccessDeniedException":
			spelled.Message = "You are not authorized to perform this operation. " + err.Message
		case "ThrottlingException":
			spelled.Status, spelled.Message = http.StatusServiceUnavailable, "Request limit exceeded."
		}
	}
	return &spelled
}

// internal is the service's own failure.
func (e *endpoint) internal(message string) *Error {
	return &Error{Status: http.StatusInternalServerError, Code: cmp.Or(e.Internal, "InternalFailure"), Message: message}
}

// asError is what a client gets for err.
func asError(e *endpoint, call *Call, err error) *Error {
	if answered, ok := errors.AsType[*Error](err); ok {
		return e.spell(answered)
	}
	return e.internal(fmt.Sprintf("%s failed inside the sandbox: %v", call.Operation, err))
}

func (e *endpoint) writeError(w http.ResponseWriter, requestID string, err *Error) {
	status := cmp.Or(err.Status, http.StatusBadRequest)
	switch e.Protocol {
	case Query:
		write(w, "text/xml", status, xmlError(e.Service, requestID, err))
		return
	case EC2Query:
		write(w, "text/xml", status, ec2Error(requestID, err))
		return
	}
	w.Header().Set("X-Amzn-Errortype", err.Code)
	if code, ok := e.QueryErrors[err.Code]; ok {
		w.Header().Set("X-Amzn-Query-Error", code+";Sender")
	}
	body, _ := json.Marshal(err.tree())
	e.writeJSON(w, status, body)
}

// tree is the JSON of an error. Some services spell the message with a capital letter; SDKs read the one that their
// model has.
func (e *Error) tree() map[string]any {
	tree := map[string]any{}
	maps.Copy(tree, e.Members)
	tree["__type"], tree["message"], tree["Message"] = e.Code, e.Message, e.Message
	return tree
}

func (e *endpoint) mediaType() string {
	if e.Protocol == JSON {
		return "application/x-amz-json-" + cmp.Or(e.JSONVersion, "1.1")
	}
	return "application/json"
}

// writeOutput encodes an output. Nothing has been written if it returns an error.
func (e *endpoint) writeOutput(w http.ResponseWriter, call *Call, output any) error {
	switch e.Protocol {
	case Query:
		write(w, "text/xml", http.StatusOK, xmlOutput(e.Service, call, output))
		return nil
	case EC2Query:
		write(w, "text/xml", http.StatusOK, ec2Output(e.Service, call, output))
		return nil
	}
	tree, err := jsonTree(output, bodyMembers)
	if err != nil {
		return err
	}
	body, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if e.Protocol == RESTJSON {
		if v := reflect.Indirect(reflect.ValueOf(output)); v.IsValid() {
			status, body = restParts(w.Header(), v, body)
		}
	}
	e.writeJSON(w, status, body)
	return nil
}

func (e *endpoint) writeJSON(w http.ResponseWriter, status int, body []byte) {
	if e.Checksum {
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	write(w, e.mediaType(), status, body)
}

// restParts puts the members of a REST output that stand outside the JSON body where they belong.
func restParts(header http.Header, v reflect.Value, body []byte) (status int, _ []byte) {
	status = http.StatusOK
	for m := range members(v.Type()) {
		field := v.FieldByIndex(m.Index)
		switch m.place {
		case "status":
			status = cmp.Or(int(field.Int()), http.StatusOK)
		case "payload":
			body = field.Bytes()
		case "header":
			if !m.absent(field) && !field.IsZero() {
				header.Set(m.key, fmt.Sprint(reflect.Indirect(field).Interface()))
			}
		}
	}
	if status == http.StatusNoContent {
		body = nil
	}
	return status, body
}

func write(w http.ResponseWriter, mediaType string, status int, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone away gets no answer
}
