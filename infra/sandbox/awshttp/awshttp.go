// Package awshttp is the front door of the sandbox: AWS's HTTP protocols on one loopback endpoint.
//
// A [Server] verifies the signature of a request, finds the service by the signing name and the operation by the
// service's protocol, decodes the input, lets the [Operation] answer and encodes its output or error as AWS does.
// On the way it injects [Faults] and writes down every call in a [Recorder], without inputs and outputs.
//
// What the sandbox does not have (a service, an operation, a member of an input) is an error that names it.
package awshttp
