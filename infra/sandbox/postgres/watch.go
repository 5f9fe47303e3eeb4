package postgres

import (
	"os/exec"
	"runtime"
)

// startAndWatch starts cmd and closes exited when it has ended.
//
// The goroutine keeps its thread until then: Linux sends the signal for a dead parent when the thread
// that started the child ends, not the process.
func startAndWatch(cmd *exec.Cmd, exited chan<- struct{}) error {
	dieWithParent(cmd)
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(exited)
		}
	}()
	return <-started
}
