//go:build !linux

package postgres

import "os/exec"

// dieWithParent can do nothing here: only Linux tells a child that its parent is gone.
func dieWithParent(*exec.Cmd) {}
