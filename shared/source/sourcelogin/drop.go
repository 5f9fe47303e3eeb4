package sourcelogin

import (
	"context"
	"fmt"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/source"
)

// maintenance are databases that PostgreSQL is made with. Either can be dropped or closed, so that one is not enough.
var maintenance = []string{"postgres", "template1"}

// drop takes the user away, if it is ours. A user of the name that is not ours was never made by us, so that nothing is
// left to do.
func (k *Keeper) drop(ctx context.Context, r source.Request) (source.Answer, error) {
	s, err := k.anywhere(ctx, r)
	if err != nil {
		return source.Answer{}, err
	}
	defer s.close()
	w := s.begin(ctx, r)
	if err := s.transact(ctx, w.remove); err != nil {
		return source.Answer{}, err
	}
	return source.Answer{Changed: w.changed}, nil
}

// anywhere opens a session of the admin in the database of r, or, where that is not there, in any other: users belong to the
// whole server. They outlive databases, and a request may have named one that never was.
func (k *Keeper) anywhere(ctx context.Context, r source.Request) (*session, error) {
	s, missing := k.admin(ctx, r, r.Endpoint.Database)
	if fault.ReasonOf(missing) != source.DatabaseMissing {
		return s, missing
	}
	closed := missing
	for _, database := range maintenance {
		s, err := k.admin(ctx, r, database)
		switch {
		case err == nil:
			return s, nil
		case fault.KindOf(err) != fault.Blocked:
			return nil, err
		case fault.ReasonOf(closed) == source.DatabaseMissing: // why one that is there is closed says more
			closed = err
		}
	}
	if fault.ReasonOf(closed) != source.DatabaseMissing {
		return nil, closed
	}
	return nil, &fault.Error{Kind: fault.Blocked, Reason: source.DatabaseMissing, Op: "drop login", Subject: fmt.Sprintf("user %s at %s", r.User, r.Endpoint),
		Err: fmt.Errorf("the source has no database %q, nor any of %s, from which to drop it", r.Endpoint.Database, strings.Join(maintenance, ", ")),
		Fix: "make a database postgres in the source, which may be empty, and let the admin connect to it; the user is dropped from there"}
}

// remove revokes what the user has, ends its sessions and drops it. It revokes nothing that the admin may not: that
// keeps the user from being dropped, and the server says what it is.
func (w *work) remove() error {
	is, err := w.find()
	if err != nil || !is.ours {
		return err
	}
	if err := w.revoke(is); err != nil {
		return err
	}
	// Where the admin may not end the sessions they go on with the rights of nobody.
	if err := w.do("end sessions", strings.ReplaceAll(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE usesysid = $oid AND (pg_has_role($oid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))`, "$oid", is.oid)); err != nil {
		return err
	}
	return w.do("drop login", "DROP ROLE "+w.user)
}

// revoke takes the user's rights in this database, those to come first.
func (w *work) revoke(is actual) error {
	query := func(q string) ([][]string, error) {
		return w.rows(w.ctx, "look at rights", strings.ReplaceAll(q, "$oid", is.oid))
	}
	defaults, err := query(`SELECT DISTINCT pg_get_userbyid(d.defaclrole), n.nspname FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
 WHERE d.defaclobjtype = 'r' AND a.grantee = $oid AND pg_has_role(d.defaclrole, 'USAGE')`)
	if err != nil {
		return err
	}
	for _, row := range defaults {
		in := ""
		if row[1] != "" {
			in = " IN SCHEMA " + name(row[1])
		}
		if err := w.do("revoke tables to come", "ALTER DEFAULT PRIVILEGES FOR ROLE "+name(row[0])+in+" REVOKE ALL ON TABLES FROM "+w.user); err != nil {
			return err
		}
	}
	rights, err := query(`SELECT DISTINCT 'TABLE', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.grantee = $oid AND pg_has_role(a.grantor, 'USAGE')
 UNION ALL SELECT DISTINCT 'SCHEMA', n.nspname, '' FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = $oid AND pg_has_role(a.grantor, 'USAGE')
 UNION ALL SELECT DISTINCT 'DATABASE', d.datname, '' FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database() AND a.grantee = $oid AND pg_has_role(a.grantor, 'USAGE')`)
	if err != nil {
		return err
	}
	on := make(map[string][]string)
	for _, row := range rights {
		parts := row[1:2]
		if row[2] != "" {
			parts = row[1:3]
		}
		on[row[0]] = append(on[row[0]], name(parts...))
	}
	for _, kind := range []string{"TABLE", "SCHEMA", "DATABASE"} {
		for _, statement := range onTables(on[kind], "REVOKE ALL ON "+kind+" ", " FROM "+w.user) {
			if err := w.do("revoke rights", statement); err != nil {
				return err
			}
		}
	}
	return nil
}
