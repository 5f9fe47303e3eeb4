package fault

import "slices"

// Reasons is an error that stands for every [Error] with one of some reasons, for errors.Is:
//
//	var ErrExpired error = fault.NewReasons("the login has expired", LoginExpired)
//	...
//	if errors.Is(err, ErrExpired) { ... }
//
// It is compared with and never returned. Every fault in a chain is compared, not the outermost alone.
type Reasons struct {
	says string
	any  []string
}

// NewReasons stands for any of the reasons. The words are what it says if somebody prints it.
func NewReasons(says string, reasons ...string) *Reasons { return &Reasons{says, reasons} }

func (r *Reasons) Error() string { return r.says }

// Is reports whether target are [Reasons] and e's is among them.
func (e *Error) Is(target error) bool {
	r, ok := target.(*Reasons)
	return ok && slices.Contains(r.any, e.Reason)
}
