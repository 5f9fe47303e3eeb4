package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// An account is the operating system's user that PostgreSQL's programs run as. The zero account is our own.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged is our own account, or nobody's if we are root: PostgreSQL refuses to run as root.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return account{}, fmt.Errorf("find a user for PostgreSQL, which does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("read the number of user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("read the group of user %s: %w", u.Username, err)
	}
	return account{u.Username, uint32(uid), uint32(gid)}, nil
}

// give makes the account the owner of a file or folder.
func (a account) give(path string) error {
	if a.name == "" {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// mayEnter reports the first folder on the way to each path that the account may not pass.
func (a account) mayEnter(paths ...string) error {
	if a.name == "" {
		return nil
	}
	for _, path := range paths {
		for dir := filepath.Dir(path); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				return fmt.Errorf("look at %s: %w", dir, err)
			}
			if info.Mode().Perm()&0o001 == 0 {
				return fmt.Errorf("run PostgreSQL as user %s: it may not enter %s on the way to %s; "+
					"run the sandbox as another user than root, or chmod o+x %s", a.name, dir, path, dir)
			}
		}
	}
	return nil
}

// apply makes cmd run as the account in dir, in a process group of its own: an interrupt typed at the terminal
// is for the sandbox, which then stops PostgreSQL in order.
func (a account) apply(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.name != "" {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}
