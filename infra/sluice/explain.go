package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
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
	given, err := members(text)
	if err != nil {
		return connector.Explanation{}, err
	}
	return connector.Explain(ctx, given, options...)
}

// members reads a JSON object of texts, numbers, truths, and lists of texts, as the Python driver takes them.
func members(text string) (map[string]string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var given map[string]any
	if err := decoder.Decode(&given); err != nil || decoder.More() {
		return nil, fault.Problems{{Where: "JSON", What: "is no single object", Fix: `write {"Server": "…", "IAM": true}`}}
	}
	all := make(map[string]string)
	var problems fault.Problems
	for name, value := range given {
		switch v := value.(type) {
		case nil: // as if it were not there
		case string, bool, json.Number:
			all[name] = fmt.Sprint(v)
		case []any:
			texts := make([]string, len(v))
			for i, element := range v {
				texts[i] = fmt.Sprint(element)
			}
			all[name] = strings.Join(texts, ",")
		default:
			problems = append(problems, fault.Problem{Where: name, What: "is an object", Fix: "write a text, a number, true or false, or a list of texts"})
		}
	}
	return all, problems.Err()
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
	type grant struct {
		Of     string `json:"of"`
		Policy any    `json:"policy"`
	}
	out := struct {
		Login    string   `json:"login"`
		AWS      string   `json:"awsCredentials,omitempty"`
		Values   []value  `json:"values"`
		Notices  []string `json:"notices"`
		Calls    []call   `json:"calls"`
		Policy   any      `json:"policy"`
		By       string   `json:"policyOf,omitempty"`
		Before   []grant  `json:"policiesBefore,omitempty"`
		Unread   string   `json:"unreadAuthenticationProfile,omitempty"`
		Unusable string   `json:"unusableConfiguration,omitempty"`
	}{Login: string(e.Login), AWS: e.AWS, By: e.By, Unread: e.Unread, Policy: policy(e.Policy), Values: []value{}, Notices: []string{}, Calls: []call{}}
	if e.Unloaded != nil {
		out.Unusable = e.Unloaded.Error()
	}
	for _, g := range e.Before {
		out.Before = append(out.Before, grant{g.To, policy(g.Statements)})
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
	if e.Unloaded != nil {
		fmt.Fprintf(s.out, "\nnotice: the AWS configuration of this machine cannot be used, and what it would say is left out: %v\n", e.Unloaded)
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
	for _, g := range e.Before {
		fmt.Fprintf(s.out, "\nThe smallest policy of %s, which %s:\n%s\n", g.To, does(g.Statements), document(g.Statements))
	}
	if e.Login == resolve.Password {
		return // the login takes no AWS call
	}
	title := "The smallest policy that allows them"
	if len(e.Before) > 0 {
		title = "The smallest policy of " + e.By + ", which makes the other calls"
	}
	if e.Unread != "" {
		title = "Not to be used as it is: a policy with stars for what the authentication profile " + e.Unread + " may say"
	}
	fmt.Fprintf(s.out, "\n%s:\n%s\n", title, document(e.Policy))
}

// does says what somebody does who asks before a login is asked for.
func does(statements []resolve.Statement) string {
	var all []string
	for _, s := range statements {
		what := "reads the authentication profile"
		if strings.HasPrefix(s.Actions[0], "sts:") {
			what = "assumes a role"
		}
		if !slices.Contains(all, what) {
			all = append(all, what)
		}
	}
	return strings.Join(all, " and ")
}

// document is a policy as people read it.
func document(statements []resolve.Statement) string {
	text, _ := json.Marshal(policy(statements)) // texts alone
	return indent(string(text))
}
