package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

// plan fails where the federation would be blocked, after it has said what would be made otherwise.
func plan(ctx context.Context, s *session, arguments []string) error {
	_, w, err := s.document(arguments[0])
	if err != nil {
		return err
	}
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	of, err := reconciler(p, cfg).Plan(ctx, w)
	if err != nil {
		return err
	}
	refusal, refused := errors.AsType[*fault.Error](of.Refusal)
	if of.Refusal != nil && (!refused || refusal.Kind != fault.Blocked || refusal.Reason == awserror.Unauthorized) {
		return of.Refusal // not of the federation, but of looking
	}
	if s.json {
		err = s.encode(planned(of, refusal))
	} else {
		s.planned(w, of, refusal)
	}
	if err == nil && refused { // which has been said in full
		return fmt.Errorf("%s would be blocked now: %s", w.Name, refusal.Reason)
	}
	return err
}

// planned is a plan as JSON. Policies are documents in it, not text.
func planned(of federation.Plan, refusal *fault.Error) any {
	type refused struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
		Remedy  string `json:"remedy"`
	}
	out := struct {
		Made     federation.Made `json:"made"`
		Trust    json.RawMessage `json:"trust"`
		Policy   json.RawMessage `json:"policy"`
		Boundary string          `json:"boundary"`
		SQL      []string        `json:"sql"`
		Waits    string          `json:"waits,omitempty"`
		Warnings []string        `json:"warnings,omitempty"`
		Refusal  *refused        `json:"refusal,omitempty"`
	}{Made: of.Made, Trust: json.RawMessage(of.Trust), Policy: json.RawMessage(of.Policy), Boundary: of.Boundary, SQL: of.SQL, Waits: of.Waits, Warnings: of.Warnings}
	if refusal != nil {
		message, remedy := apart(refusal)
		out.Refusal = &refused{refusal.Reason, message, remedy}
	}
	return out
}

// planned writes a plan for people.
func (s *session) planned(w federation.Wanted, of federation.Plan, refusal *fault.Error) {
	source := "not known"
	if of.Made.Endpoint.Host != "" {
		source = of.Made.Endpoint.String()
	}
	if refusal != nil {
		what, fix := apart(refusal)
		fmt.Fprintf(s.out, "%s would be blocked now: %s\n  remedy: %s\nOtherwise it would be made of this. Nothing was changed.\n\n", w.Name, indented(what), fix)
	} else {
		fmt.Fprintf(s.out, "%s would be made of this. Nothing was changed.\n\n", w.Name)
	}
	for _, line := range [][2]string{
		{"role", of.Made.RoleARN}, {"boundary", of.Boundary}, {"secret", of.Made.Secret}, {"key", of.Made.Key}, {"login", of.Made.Login}, {"schema", of.Made.Schema},
		{"source", source},
	} {
		if line[1] != "" {
			fmt.Fprintf(s.out, "%-9s %s\n", line[0], line[1])
		}
	}
	if w.ManageIngress {
		fmt.Fprintf(s.out, "%-9s a rule in a security group of %s that lets the cluster's in, unless one does\n", "ingress", w.Source.ID())
	}
	fmt.Fprintf(s.out, "\nSQL in the warehouse:\n  %s\n\ntrust of the role:\n%s\n\npolicy of the role:\n%s\n", strings.Join(of.SQL, ";\n  ")+";", indent(of.Trust), indent(of.Policy))
	if of.Waits != "" {
		fmt.Fprintf(s.out, "\nIt would wait now: %s\n", of.Waits)
	}
	for _, warning := range of.Warnings {
		fmt.Fprintf(s.out, "\nWarning: %s\n", warning)
	}
	fmt.Fprintf(s.out, "\nA plan does not see whether the source has database %s and schema %s, whether the warehouse has the grantees,\nor a schema %s already, and whether the network lets it in.\n",
		w.Source.Database, w.Source.Schema, w.Schema)
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
		return &fault.Error{Kind: fault.Blocked, Reason: federation.WarehouseUnknown, Op: "find warehouse", Subject: arguments[0],
			Err: fmt.Errorf("%s declares no warehouse of that name for federation", s.config),
			Fix: "write one that it declares: " + strings.Join(slices.Sorted(maps.Keys(p.Federation.Warehouses)), ", ")}
	}
	fmt.Fprintf(s.out, "-- Run this once as a superuser in database %s of cluster %s.\n-- The user has no password: only temporary credentials let it in.\n", gate.Database, gate.Cluster)
	for _, sql := range gate.Bootstrap() {
		fmt.Fprintln(s.out, sql+";")
	}
	return nil
}
