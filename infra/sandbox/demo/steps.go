package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/event"
)

// last is what an ARN ends in, behind its kind: the name of a role without its path, a secret's whole name.
func last(arn string) string {
	if _, name, ok := strings.Cut(arn, ":secret:"); ok {
		return name
	}
	return path.Base(arn)
}

// up are the steps in which a federation is made.
func (w *watch) up(ctx context.Context) ([]sight, error) {
	ready, err := w.announces(ctx, "ready", event.FederationReady)
	return []sight{
		w.called("preflight", "redshift", "DescribeClusters", func(string) string {
			return "the instance " + world.Orders + " and the cluster " + world.Cluster + " are there, and allowed"
		}),
		w.called("ingress", "ec2", "AuthorizeSecurityGroupIngress", func(group string) string {
			return "the security group " + last(group) + " lets in that of the cluster"
		}),
		w.called("credentials", "secretsmanager", "CreateSecret", func(secret string) string {
			return "a secret of its own: " + last(secret)
		}),
		{"", func(ctx context.Context) (string, error) {
			login, err := w.inSource(ctx, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sluice%'")
			return prefixed("a login of its own in the source, read-only: ", login), err
		}},
		w.called("role", "iam", "CreateRole", func(role string) string { return last(role) }),
		w.called("", "iam", "PutRolePolicy", func(string) string { return "its policy: to read this one secret" }),
		w.called("attachment", "redshift", "ModifyClusterIamRoles", func(cluster string) string { return "the cluster is adding the role" }),
		{"", func(context.Context) (string, error) {
			if len(w.world.Redshift.AttachedRoles(world.Cluster)) == 0 {
				return "", nil
			}
			return "the role is in-sync", nil
		}},
		{"schema", func(ctx context.Context) (string, error) {
			name, err := w.inWarehouse(ctx, "SELECT schemaname FROM svv_external_schemas WHERE schemaname = $1", w.wanted.Schema)
			return prefixed("an external schema FROM POSTGRES: ", name), err
		}},
		{"grants", func(ctx context.Context) (string, error) {
			who, err := w.inWarehouse(ctx, "SELECT string_agg(identity_type || ' ' || identity_name, ', ') FROM svv_schema_privileges WHERE namespace_name = $1 AND privilege_type = 'USAGE' AND identity_name = $2",
				w.wanted.Schema, world.Group)
			return prefixed("usage of it, to ", who), err
		}},
		w.called("verify", "redshift-data", "GetStatementResult", func(string) string { return "a table and a row were read through it" }),
		ready,
	}, err
}

// repaired are the steps in which a role is attached again.
func (w *watch) repaired(ctx context.Context) ([]sight, error) {
	ready, err := w.announces(ctx, "ready", event.FederationReady)
	return []sight{
		w.called("attachment", "redshift", "ModifyClusterIamRoles", func(string) string { return "the sweep saw it; the cluster is adding the role" }),
		{"", func(context.Context) (string, error) {
			if !slices.Contains(w.world.Redshift.AttachedRoles(world.Cluster), w.made.Role) {
				return "", nil
			}
			return "the role is in-sync", nil
		}},
		w.called("verify", "redshift-data", "GetStatementResult", func(string) string { return "a row was read through the schema" }),
		ready,
	}, err
}

// down are the steps in which a federation is taken down.
func (w *watch) down(ctx context.Context) ([]sight, error) {
	removed, err := w.announces(ctx, "removed", event.FederationRemoved)
	return []sight{
		{"schema", func(ctx context.Context) (string, error) {
			n, err := w.inWarehouse(ctx, "SELECT count(*)::text FROM svv_external_schemas WHERE schemaname = $1", w.wanted.Schema)
			if n != "0" {
				return "", err
			}
			return "dropped, with its grants", err
		}},
		w.called("attachment", "redshift", "ModifyClusterIamRoles", func(string) string { return "the cluster is letting the role go" }),
		{"", func(ctx context.Context) (string, error) {
			roles, err := w.attached(ctx)
			if err != nil || slices.Contains(roles, w.made.Role) {
				return "", err
			}
			return "the role is detached", nil
		}},
		w.called("role", "iam", "DeleteRole", func(string) string { return "deleted, with its policy" }),
		{"credentials", func(ctx context.Context) (string, error) {
			n, err := w.inSource(ctx, "SELECT count(*)::text FROM pg_roles WHERE rolname = $1", w.made.Login)
			if n != "0" {
				return "", err
			}
			return "the login in the source is dropped", err
		}},
		w.called("", "secretsmanager", "DeleteSecret", func(string) string { return "the secret is deleted, with a recovery window" }),
		w.called("ingress", "ec2", "RevokeSecurityGroupIngress", func(string) string { return "the rule is taken out of the security group" }),
		removed,
	}, err
}

func prefixed(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}

// inWarehouse is the one text that a query answers to a superuser of the warehouse; "" is no row, or NULL.
func (d *demo) inWarehouse(ctx context.Context, query string, arguments ...any) (string, error) {
	conn, err := d.world.Warehouse.Session(ctx, world.Database, world.Master)
	if err != nil {
		return "", fmt.Errorf("look into the warehouse: %w", err)
	}
	return one(ctx, conn, query, arguments)
}

// inSource is the one text that a query answers to a superuser of the source; "" is no row, or NULL.
func (d *demo) inSource(ctx context.Context, query string, arguments ...any) (string, error) {
	s, err := d.world.Sources.Find(world.Orders)
	if err != nil {
		return "", err
	}
	conn, err := s.Open(ctx)
	if err != nil {
		return "", err
	}
	return one(ctx, conn, query, arguments)
}

func one(ctx context.Context, conn *pgx.Conn, query string, arguments []any) (string, error) {
	defer func() { _ = conn.Close(ctx) }()
	var text *string
	err := conn.QueryRow(ctx, query, arguments...).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && text == nil {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask %q: %w", query, err)
	}
	return *text, nil
}

// attached lists the ARNs of the roles that the cluster has, also those that come or go.
func (d *demo) attached(ctx context.Context) ([]string, error) {
	out, err := d.redshift.DescribeClusters(ctx, &redshift.DescribeClustersInput{ClusterIdentifier: new(world.Cluster)})
	if err != nil {
		return nil, fmt.Errorf("look at the cluster's roles: %w", err)
	}
	var roles []string
	for _, r := range out.Clusters[0].IamRoles {
		roles = append(roles, *r.IamRoleArn)
	}
	return roles, nil
}
