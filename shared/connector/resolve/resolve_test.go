package resolve_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// m is what a program gives by name.
type m = map[string]string

// A question is properties, and what is known beside them.
type question struct {
	text    string // a connection string or URL
	given   m      // further properties
	profile string // content of the authentication profile, as JSON
	region  string // of the environment

	unread, unconfigured bool
}

// An answer is what comes of a question.
type answer struct {
	set      property.Set
	settings resolve.Settings
	notices  []resolve.Notice
	err      error
}

// ask parses and resolves.
func ask(t testing.TB, q question) (a answer) {
	t.Helper()
	if q.text != "" {
		if a.set, a.err = property.Parse(q.text); a.err != nil {
			return a
		}
	}
	more, err := property.FromMap(q.given)
	if err == nil {
		a.set, err = a.set.With(more)
	}
	if err != nil {
		a.err = err
		return a
	}
	in := resolve.Input{Explicit: a.set, Unread: q.unread, Unconfigured: q.unconfigured}
	if q.region != "" {
		in.Region, in.RegionFrom = q.region, resolve.FromEnvironment
	}
	if q.profile != "" {
		if in.AuthProfile, a.err = property.FromAuthProfile("shared", []byte(q.profile)); a.err != nil {
			return a
		}
	}
	a.settings, a.notices, a.err = resolve.Resolve(in)
	return a
}

// fields are the settings as tests name them. Secrets are as they are.
func fields(s resolve.Settings) []string {
	var all []string
	for _, f := range []struct {
		name  string
		value any
	}{
		{"Login", s.Login}, {"Host", s.Host}, {"Port", s.Port}, {"Database", s.Database}, {"ServerName", s.ServerName}, {"SSLMode", s.SSLMode}, {"CAFile", s.CAFile},
		{"Region", s.Region}, {"Cluster", s.Cluster}, {"Workgroup", s.Workgroup}, {"CustomDomain", s.CustomDomain}, {"GuessedDomain", s.GuessedDomain}, {"AccountID", s.AccountID},
		{"DbUser", s.DbUser}, {"AutoCreate", s.AutoCreate}, {"DbGroups", strings.Join(s.DbGroups, ",")}, {"Duration", s.Duration}, {"Endpoint", s.Endpoint}, {"Secret", s.Secret},
		{"User", s.User}, {"Password", s.Password.Reveal()}, {"Cache", s.Cache}, {"ApplicationName", s.ApplicationName}, {"ConnectTimeout", s.ConnectTimeout},
	} {
		all = append(all, fmt.Sprintf("%s=%v", f.name, f.value))
	}
	return append(all, awsFields(s.AWS)...)
}

func awsFields(c resolve.Credentials) []string {
	var all []string
	for _, f := range [][2]string{
		{"Kind", string(c.Kind)}, {"Profile", c.Profile}, {"AccessKeyID", c.AccessKeyID}, {"SecretAccessKey", c.SecretAccessKey.Reveal()}, {"SessionToken", c.SessionToken.Reveal()},
		{"RoleARN", c.RoleARN}, {"ExternalID", c.ExternalID}, {"SessionName", c.SessionName}, {"StsEndpoint", c.StsEndpoint},
	} {
		all = append(all, f[0]+"="+f[1])
	}
	return all
}

// calls are the calls of a plan, a line each.
func calls(list []resolve.Call) (all []string) {
	for _, c := range list {
		line := c.Service + ":" + c.Operation
		for _, p := range c.Parameters {
			line += " " + p.Name + "=" + p.Text
		}
		all = append(all, line)
	}
	return all
}

func told(notices []resolve.Notice) (all []string) {
	for _, n := range notices {
		all = append(all, string(n.Name)+" "+n.Text)
	}
	return all
}

func problems(t testing.TB, err error) (all []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	list, ok := errors.AsType[fault.Problems](err)
	if !ok {
		t.Fatalf("%T: %v; want fault.Problems", err, err)
	}
	for _, p := range list {
		if p.Where == "" || p.What == "" || p.Fix == "" {
			t.Errorf("%+v does not say where, what and what to do", p)
		}
		all = append(all, p.Where+" "+p.What)
	}
	return all
}

// begin checks that each line begins as wanted, and that there are no others.
func begin(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) || slices.ContainsFunc(want, func(w string) bool { i := slices.Index(want, w); return !strings.HasPrefix(got[i], w) }) {
		t.Errorf("%s:\n\t%s\nwant, by their beginnings:\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A want is what a test expects of an answer.
type want struct {
	fields   []string // name=value, among others
	calls    []string // all of them, in their order; nil does not look
	problems []string // the beginnings of all of them
	notices  []string // the beginnings of all of them
}

func (w want) check(t *testing.T, a answer) {
	t.Helper()
	begin(t, "problems", problems(t, a.err), w.problems)
	begin(t, "notices", told(a.notices), w.notices)
	for _, v := range a.settings.Values {
		if v.Text == "" || v.From == "" {
			t.Errorf("%+v does not say what, and where it is from", v)
		}
	}
	got := fields(a.settings)
	for _, f := range w.fields {
		if !slices.Contains(got, f) {
			name, _, _ := strings.Cut(f, "=")
			i := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, name+"=") })
			t.Errorf("%s, want %s", got[max(i, 0)], f)
		}
	}
	if got := calls(a.settings.Plan()); w.calls != nil && !slices.Equal(got, w.calls) {
		t.Errorf("calls:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(w.calls, "\n\t"))
	}
}

func merged(maps ...m) m {
	all := m{}
	for _, one := range maps {
		for k, v := range one {
			all[k] = v
		}
	}
	return all
}
