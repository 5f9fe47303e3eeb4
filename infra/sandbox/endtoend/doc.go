// Package endtoend tests the deployed product as a whole: the synthesized template in the sandbox, the built function
// binaries, SDK clients, TLS and PostgreSQL, with nothing replaced by a fake. What goes wrong is made to go wrong outside
// of the functions, and what came of it is read where operators and applications would look.
//
// The package has tests only. They need build/cdk.out, which make test writes before it runs them.
package endtoend
