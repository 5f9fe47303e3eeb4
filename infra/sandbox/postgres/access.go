package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// RequireSCRAM lets the named databases accept only logins with SCRAM, for connections that come from now on; all
// others accept md5 too. A user whose verifier is md5 cannot log in to them any more. It is for servers with
// [Config.Passwords].
func (s *Server) RequireSCRAM(ctx context.Context, databases ...string) error {
	if !s.config.Passwords {
		return fmt.Errorf("require SCRAM of databases %q: their server asks nobody for a password; start it with Passwords", databases)
	}
	account, err := unprivileged()
	if err != nil {
		return err
	}
	if err := s.writeAccess(databases, account); err != nil {
		return err
	}
	conn, err := s.Open(ctx, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// When this returns, the signal waits for the process that takes connections: it reads the rules before the next one.
	if _, err := conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return fmt.Errorf("tell PostgreSQL of its access rules: %w", err)
	}
	return nil
}

// writeAccess writes who is asked for what on the socket; the first line that fits counts.
func (s *Server) writeAccess(scram []string, account account) error {
	rules := "local all " + Superuser + " scram-sha-256\n"
	for _, database := range scram {
		rules += `local "` + strings.ReplaceAll(database, `"`, `""`) + "\" all scram-sha-256\n"
	}
	last := "local all all trust\n"
	if s.config.Passwords {
		last = "local all all md5\n" // SCRAM where the verifier is SCRAM
	}
	file := filepath.Join(s.data(), "pg_hba.conf")
	fresh := file + ".new" // never read half
	if err := os.WriteFile(fresh, []byte(rules+last), 0o600); err != nil {
		return fmt.Errorf("write PostgreSQL's access rules: %w", err)
	}
	if err := account.give(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, file); err != nil {
		return fmt.Errorf("change PostgreSQL's access rules: %w", err)
	}
	return nil
}
