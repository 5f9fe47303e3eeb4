// Package awshttp is the front door of the sandbox: AWS's HTTP protocols on one loopback endpoint.
package awshttp
