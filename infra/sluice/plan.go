package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/federation"
)

func plan(ctx context.Context, s *session, arguments []string) error {
	_, w, err := s.document(arguments[0])
	if err != nil {
		return err
	}
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	r := reconciler(p, cfg)
	made, err := r.Plan(ctx, w)
	if err != nil {
		return err
	}
	if s.json {
		refusal := ""
		if made.Refusal != nil {
			refusal = made.Refusal.Error()
		}
		return s.encode(struct {
			federation.Plan
			Refusal string `json:"refusal,omitempty"`
		}{made, refusal})
	}
	fmt.Fprintf(s.out, "%s would be made of this. Nothing was changed.\n\n", w.Name)
	for _, line := range [][2]string{
		{"role", made.Made.RoleARN}, {"boundary", made.Boundary}, {"secret", made.Made.Secret}, {"login", made.Made.Login}, {"schema", made.Made.Schema}, {"source", made.Made.Endpoint.String()},
	} {
		if line[1] != "" {
			fmt.Fprintf(s.out, "%-9s %s\n", line[0], line[1])
		}
	}
	if w.ManageIngress {
		fmt.Fprintf(s.out, "%-9s a rule in a security group of %s that lets the cluster's in\n", "ingress", w.Source.ID())
	}
	fmt.Fprintf(s.out, "\nSQL in the warehouse:\n  %s\n\ntrust of the role:\n%s\n\npolicy of the role:\n%s\n", strings.Join(made.SQL, ";\n  ")+";", indent(made.Trust), indent(made.Policy))
	if made.Waits != "" {
		fmt.Fprintf(s.out, "\nIt would wait now: %s\n", made.Waits)
	}
	if made.Refusal != nil {
		fmt.Fprintf(s.out, "\nIt would be blocked now: %v\n", made.Refusal)
	}
	return nil
}

func indent(document string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(document), "  ", "  ") != nil {
		return "  " + document
	}
	return "  " + b.String()
}

func bootstrap(_ context.Context, s *session, arguments []string) error {
	p, err := s.deployed()
	if err != nil {
		return err
	}
	gate, ok := p.Federation.Warehouses[arguments[0]]
	if !ok {
		return fmt.Errorf("no warehouse %q is declared for federation; there are %s", arguments[0], strings.Join(slices.Sorted(maps.Keys(p.Federation.Warehouses)), ", "))
	}
	fmt.Fprintf(s.out, "-- Run this once as a superuser in database %s of cluster %s.\n-- The user has no password: only temporary credentials let it in.\n", gate.Database, gate.Cluster)
	for _, sql := range gate.Bootstrap() {
		fmt.Fprintln(s.out, sql+";")
	}
	return nil
}
