package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluicehq/sluice/shared/federation"
)

func status(ctx context.Context, s *session, arguments []string) error {
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	if len(arguments) == 1 {
		rec, found, now, err := store(p, cfg).Get(ctx, arguments[0])
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("no federation has the name %s; sluice status lists them", arguments[0])
		}
		if s.json {
			return s.encode(rec)
		}
		s.one(rec, now)
		return nil
	}
	records, err := store(p, cfg).List(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(records, func(a, b federation.Record) int { return cmp.Compare(a.Name, b.Name) })
	if s.json {
		if records == nil {
			records = []federation.Record{}
		}
		return s.encode(records)
	}
	s.all(records)
	return nil
}

func (s *session) encode(v any) error {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// all writes one line for each federation.
func (s *session) all(records []federation.Record) {
	if len(records) == 0 {
		fmt.Fprintln(s.out, "no federations; sluice request FILE asks for one")
		return
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tWAREHOUSE\tSOURCE\tSCHEMA\tPHASE\tREASON\tSINCE")
	for _, r := range records {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Wanted.Warehouse, r.Wanted.Source.ID(), r.Wanted.Schema, r.Phase, cmp.Or(r.Reason, "-"), stamp(r.Since))
	}
	_ = t.Flush()
	for _, r := range records {
		if r.Phase == federation.Blocked {
			fmt.Fprintf(s.out, "\n%s is blocked: %s\n  remedy: %s\n", r.Name, r.Message, r.Remedy)
		}
	}
}

// one writes all about a federation.
func (s *session) one(r federation.Record, now time.Time) {
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", key, value)
		}
	}
	line("name", r.Name)
	line("phase", string(r.Phase))
	line("reason", r.Reason)
	line("message", r.Message)
	line("remedy", r.Remedy)
	line("since", stamp(r.Since)+" ("+now.Sub(r.Since).Round(time.Second).String()+")")
	line("asked for", fmt.Sprintf("%s, by %s, generation %d", stamp(r.WantedAt), r.Origin, r.Generation))
	if r.At != "" {
		line("step", r.At)
	}
	if r.Claim != nil && now.Before(r.Claim.Until) {
		line("claimed until", stamp(r.Claim.Until))
	}
	for _, c := range r.Conditions {
		line("condition", strings.TrimSuffix(c.Type+": "+c.Message, ": ")+" (since "+stamp(c.Since)+")")
	}
	line("warehouse", r.Wanted.Warehouse)
	line("source", r.Wanted.Source.ID()+", database "+r.Wanted.Source.Database+", schema "+r.Wanted.Source.Schema)
	if m := r.Made; m.Begun {
		line("made: schema", m.Schema)
		line("made: usage", grantees(r))
		line("made: role", m.RoleARN)
		line("made: secret", m.Secret)
		line("made: key", m.Key)
		line("made: login", m.Login)
		if m.Ingress {
			line("made: ingress", strings.Join(m.Groups, ", "))
		}
	}
	if !r.Made.SecretUntil.IsZero() && r.Phase == federation.Removed {
		line("secret gone", stamp(r.Made.SecretUntil)+" (end of its recovery window)")
	}
	if !r.Proved.IsZero() && r.Phase == federation.Ready {
		line("proved", stamp(r.Proved))
	}
	_ = t.Flush()
}

func grantees(r federation.Record) string {
	names := make([]string, len(r.Made.Grants))
	for i, g := range r.Made.Grants {
		names[i] = string(g)
	}
	return strings.Join(names, ", ")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
