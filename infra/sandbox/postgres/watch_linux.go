package postgres

import (
	"os/exec"
	"syscall"
)

// dieWithParent asks for a fast shutdown of cmd if this process is killed.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGINT }
