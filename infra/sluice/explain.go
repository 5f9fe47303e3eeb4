package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// explain says what connection properties come to. They may hold passwords, so standard input can have them.
func explain(ctx context.Context, s *session, arguments []string) error {
	text := arguments[0]
	if text == "-" {
		all, err := io.ReadAll(s.in)
		if err != nil {
			return fmt.Errorf("read the properties: %w", err)
		}
		text = string(all)
	}
	e, err := resolved(ctx, text, s.reading()...)
	if problems, ok := errors.AsType[fault.Problems](err); ok {
		return &documentError{"the set of properties", problems}
	}
	switch {
	case err != nil:
		return err
	case s.json:
		return s.encode(explained(e))
	}
	s.explained(e)
	return nil
}

// reading is what the flag asks of an explanation.
func (s *session) reading() []connector.Option {
	if !s.read {
		return nil
	}
	return []connector.Option{connector.ReadingAuthProfile()}
}

// resolved explains a connection string or URL, or a JSON object with the properties.
func resolved(ctx context.Context, text string, options ...connector.Option) (connector.Explanation, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return connector.Explain(ctx, text, options...)
	}
	var given map[string]string
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return connector.Explanation{}, fault.Problems{{Where: "JSON", What: "is no object of texts", Fix: `write {"Server": "…", "IAM": "1"}`}}
	}
	return connector.Explain(ctx, given, options...)
}

// explained is an explanation as JSON. The policy is a document in it, as IAM takes it.
func explained(e connector.Explanation) any {
	type value struct {
		Property string `json:"property"`
		Value    string `json:"value"`
		From     string `json:"from"`
		Note     string `json:"note,omitempty"`
	}
	type call struct {
		Action     string            `json:"action"`
		Parameters map[string]string `json:"parameters"`
		Why        string            `json:"why"`
	}
	out := struct {
		Login   string   `json:"login"`
		AWS     string   `json:"awsCredentials,omitempty"`
		Values  []value  `json:"values"`
		Notices []string `json:"notices"`
		Calls   []call   `json:"calls"`
		Policy  any      `json:"policy"`
		Caller  any      `json:"callerPolicy,omitempty"`
		Unread  string   `json:"unreadAuthenticationProfile,omitempty"`
	}{Login: string(e.Login), AWS: e.AWS, Unread: e.Unread, Policy: policy(e.Policy), Values: []value{}, Notices: []string{}, Calls: []call{}}
	if len(e.CallerPolicy) > 0 {
		out.Caller = policy(e.CallerPolicy)
	}
	for _, v := range e.Values {
		out.Values = append(out.Values, value{string(v.Name), v.Text, string(v.From), v.Note})
	}
	for _, n := range e.Notices {
		out.Notices = append(out.Notices, string(n.Name)+" "+n.Text)
	}
	for _, c := range e.Calls {
		of := call{c.Service + ":" + c.Operation, map[string]string{}, c.Why}
		for _, p := range c.Parameters {
			of.Parameters[p.Name] = p.Text
		}
		out.Calls = append(out.Calls, of)
	}
	return out
}

// policy is a policy document.
func policy(statements []resolve.Statement) any {
	type statement struct {
		Effect   string
		Action   []string
		Resource []string
	}
	out := struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{}}
	for _, s := range statements {
		out.Statement = append(out.Statement, statement{"Allow", s.Actions, s.Resources})
	}
	return out
}

// explained writes an explanation for people.
func (s *session) explained(e connector.Explanation) {
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PROPERTY\tVALUE\tFROM")
	for _, v := range e.Values {
		from := string(v.From)
		if v.Note != "" {
			from += " (" + v.Note + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Name, v.Text, from)
	}
	_ = t.Flush()
	for _, n := range e.Notices {
		fmt.Fprintf(s.out, "\nnotice: %s %s\n", n.Name, n.Text)
	}
	if e.Unread != "" {
		fmt.Fprintf(s.out, "\nnotice: the authentication profile %s was not read, and may add to all this; -read asks Redshift for it\n", e.Unread)
	}
	if len(e.Calls) == 0 {
		fmt.Fprintln(s.out, "\nNo AWS call is made: UID and PWD log in, over verified TLS.")
		return
	}
	fmt.Fprintf(s.out, "\nAWS credentials: %s\nAWS calls for the first connection, in this order; later ones make none while the login is good:\n", e.AWS)
	for i, c := range e.Calls {
		parameters := []string{}
		for _, p := range c.Parameters {
			parameters = append(parameters, p.Name+"="+p.Text)
		}
		fmt.Fprintf(s.out, "  %d. %s:%s %s\n     %s\n", i+1, c.Service, c.Operation, strings.Join(parameters, " "), c.Why)
	}
	if len(e.CallerPolicy) > 0 {
		fmt.Fprintf(s.out, "\nThe smallest policy of whoever assumes the role:\n%s\n\nThe smallest policy of the role, which makes the other calls:\n%s\n", document(e.CallerPolicy), document(e.Policy))
		return
	}
	fmt.Fprintf(s.out, "\nThe smallest policy that allows them:\n%s\n", document(e.Policy))
}

// document is a policy as people read it.
func document(statements []resolve.Statement) string {
	text, _ := json.Marshal(policy(statements)) // texts alone
	return indent(string(text))
}
