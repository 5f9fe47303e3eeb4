//go:build !linux

package lambda

import "syscall"

// ownGroup puts a child in a process group of its own, so that the terminal's signals do not reach it and it
// can be ended with all that it started.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
