// Package secret holds values that must not be printed: passwords, tokens, keys.
package secret

import (
	"fmt"
	"io"
)

// mask is what every printer sees in place of a secret.
const mask = "[secret]"

// A Value is a string that no printer, encoder or logger shows. The zero Value reveals the empty string.
//
// It is a struct around a pointer because fmt cannot call methods on unexported fields: there it
// prints the pointer's address, and a plain string type would print itself.
// Two Values made from the same string are not ==; compare what Reveal returns.
type Value struct{ p *string }

// New returns a Value that holds s.
func New(s string) Value { return Value{&s} }

// Reveal returns the plain text. Call it only where the value leaves the program.
func (v Value) Reveal() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

// IsZero reports whether the plain text is empty.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// Format writes a mask, whatever the verb and flags.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalText writes a mask; encoding/json and log/slog use it.
func (v Value) MarshalText() ([]byte, error) { return []byte(mask), nil }
