// Package connected holds the tests of programs that connect to the warehouse with package connector, from the AWS credentials to
// the rows, over the real wire.
package connected
