package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/settings"
)

func status(ctx context.Context, s *session, arguments []string) error {
	p, cfg, err := s.open(ctx)
	if err != nil {
		return err
	}
	if len(arguments) == 1 {
		rec, now, err := find(ctx, p, cfg, arguments[0])
		if err != nil {
			return err
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
	s.every(records)
	looking := reconciler(p, cfg)
	unclaimed, err := looking.Unclaimed(ctx, records)
	s.unclaimed(unclaimed, err)
	wrong, err := looking.Mistagged(ctx)
	s.mistagged(wrong, err)
	return nil
}

// mistagged writes which instances ask for something by tags that are not right. No record tells of them.
func (s *session) mistagged(wrong []error, err error) {
	if err != nil {
		fmt.Fprintf(s.out, "\nwhether tags of instances are wrong could not be seen: %v\n", err)
		return
	}
	for _, err := range wrong {
		if e, ok := errors.AsType[*fault.Error](err); ok {
			fmt.Fprintf(s.out, "\n%s has tags that ask for nothing: %s\n  remedy: %s\n", e.Subject, indented(e.Err.Error()), e.Fix)
		}
	}
}

// unclaimed writes which roles belong to no federation. Whoever may not list roles is told so, and has the rest.
func (s *session) unclaimed(roles []string, err error) {
	if err != nil {
		fmt.Fprintf(s.out, "\nwhether roles are left over could not be seen: %v\n", err)
		return
	}
	if len(roles) > 0 {
		fmt.Fprintf(s.out, "\nroles of no federation, which nobody takes down; detach them from the cluster and delete them:\n  %s\n", strings.Join(roles, "\n  "))
	}
}

// noFederation is the reason where the stage has no federation of a name.
const noFederation = "NoFederation"

// find is the record of a federation, and the store's time.
func find(ctx context.Context, p settings.Provision, cfg aws.Config, name string) (federation.Record, time.Time, error) {
	if why := federation.BadName(name); why != "" {
		return federation.Record{}, time.Time{}, &fault.Error{Kind: fault.Blocked, Reason: noFederation, Op: "find federation", Err: errors.New("the name " + why), Fix: federation.NameRule}
	}
	rec, found, now, err := store(p, cfg).Get(ctx, name)
	if err == nil && !found {
		err = &fault.Error{Kind: fault.Blocked, Reason: noFederation, Op: "find federation", Subject: name, Err: errors.New("stage " + p.Stage + " has none of that name"),
			Fix: "sluice status lists them; what was requested a moment ago may take some seconds"}
	}
	return rec, now, err
}

// every writes one line for each federation, and below them what keeps people waiting.
func (s *session) every(records []federation.Record) {
	records = slices.DeleteFunc(records, func(r federation.Record) bool { return r.Wanted.Warehouse == "" }) // withdrawn, and never asked for
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
			fmt.Fprintf(s.out, "\n%s is blocked: %s\n  remedy: %s\n", r.Name, indented(message(r)), r.Remedy)
		}
	}
}

// message is what a record says, without the remedy, which the record has by itself.
func message(r federation.Record) string { return tidy(strings.TrimSuffix(r.Message, "; "+r.Remedy)) }

// tidy takes out of a text what would shift its lines: the warehouse's messages have tabs, indented lines and empty ones.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// one writes all about a federation.
func (s *session) one(r federation.Record, now time.Time) {
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", key, strings.ReplaceAll(value, "\n", "\n\t"))
		}
	}
	line("name", r.Name)
	line("phase", string(r.Phase))
	line("reason", r.Reason)
	line("message", message(r))
	line("remedy", r.Remedy)
	line("since", stamp(r.Since)+" ("+now.Sub(r.Since).Round(time.Second).String()+")")
	line("asked for", fmt.Sprintf("%s, by %s, generation %d", stamp(r.WantedAt), r.Origin, r.Generation))
	line("step", r.At)
	if r.Claim != nil && now.Before(r.Claim.Until) {
		line("claimed until", stamp(r.Claim.Until))
	}
	for _, c := range r.Conditions {
		says := tidy(c.Message)
		if says != "" && says == tidy(r.Message) {
			says = "for the reason above"
		}
		line("condition", strings.TrimSuffix(c.Type+": "+says, ": ")+" (since "+stamp(c.Since)+")")
	}
	line("warehouse", r.Wanted.Warehouse)
	line("source", r.Wanted.Source.ID()+", database "+r.Wanted.Source.Database+", schema "+r.Wanted.Source.Schema)
	if r.Phase == federation.Removed {
		gone(line, r)
	} else {
		made(line, r)
	}
	if !r.Proved.IsZero() && r.Phase == federation.Ready {
		line("proved", stamp(r.Proved))
	}
	_ = t.Flush()
}

// made writes what there is, and apart from it what is not known to be there: planned on the way up, and on the way down what may
// be left.
func made(line func(key, value string), r federation.Record) {
	m := r.Made
	if !m.Begun {
		return
	}
	open := "planned: "
	if r.Withdrawn || m.Leaving {
		open = "perhaps: "
	}
	part := func(known bool, name, value string) {
		if known {
			line("made: "+name, value)
		} else {
			line(open+name, value)
		}
	}
	part(m.SchemaReady, "schema", m.Schema)
	part(m.SchemaReady && granted(r), "usage", grantees(r))
	part(!r.IAMChanged.IsZero(), "role", m.RoleARN)
	if m.SecretName == "" { // it is the requester's
		line("named: secret", m.Secret)
	} else {
		part(m.Secret != "", "secret", cmp.Or(m.Secret, m.SecretName))
	}
	line("used: key", m.Key)
	part(m.LoginReady, "login", m.Login)
	switch {
	case len(m.Groups) > 0:
		line("made: ingress", strings.Join(m.Groups, ", "))
	case m.Ingress && r.Phase != federation.Ready: // otherwise a rule of others lets the cluster in
		line(open+"ingress", "a rule in a security group of the source")
	}
}

// granted reports whether usage is known to have been given to all: it comes before the proof, and is a part of what is asked for.
func granted(r federation.Record) bool {
	return r.Phase == federation.Ready || !r.Proved.Before(r.WantedAt)
}

// gone writes what is left of a federation that was removed: of Sluice's own secret, a while in which it could be restored.
func gone(line func(key, value string), r federation.Record) {
	line("was: schema", r.Made.Schema)
	line("was: role", r.Made.RoleARN)
	line("was: login", r.Made.Login)
	if !r.Made.SecretUntil.IsZero() {
		line("was: secret", r.Made.Secret+", to be restored until "+stamp(r.Made.SecretUntil))
	}
}

func grantees(r federation.Record) string {
	names := make([]string, len(r.Made.Grants))
	for i, g := range r.Made.Grants {
		names[i] = string(g)
	}
	return strings.Join(names, ", ")
}

// stamp is a time in UTC.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
