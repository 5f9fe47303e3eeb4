package connector

import (
	"context"
	"errors"
	"slices"

	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// An Explanation is what properties come to, for people. No secret is in it.
type Explanation struct {
	Values  []resolve.Value  // in the order in which people read them
	Notices []resolve.Notice // what may surprise
	// AWS says where the AWS credentials come from; empty if the login takes none.
	AWS   string
	Login resolve.Login
	Calls []resolve.Call // for the first connection, in their order

	// Policy is the smallest for who asks for logins, whom By names. Before are the policies of the others, in the order in which they first
	// ask: who assumes roles on the way there, of profiles and of RoleArn, and who reads the authentication profile.
	Policy []resolve.Statement
	By     string
	Before []resolve.Grant

	// Unread is the authentication profile that would be read first and was not; the rest does not know what it says.
	Unread string
	// Unloaded is why the AWS configuration of this machine cannot be used, as a connection from here could not; nil if it can. The rest
	// is then what the properties say without it.
	Unloaded error
}

// Explain resolves properties as [Connector.Connect] does, and says what it would do. It reads the AWS configuration of this
// machine, where it can. With [ReadingAuthProfile] it asks Redshift for the authentication profile that the properties name, and
// makes no other call; without, it makes none.
//
// Errors: those of [New], and what AWS answers to that call.
func Explain[S Source](ctx context.Context, from S, given ...Option) (Explanation, error) {
	c, err := New(from, given...)
	if err != nil {
		return Explanation{}, err
	}
	var e Explanation
	in := resolve.Input{Explicit: c.set}
	reading, reads := resolve.ReadingOf(c.set)
	var reader *loaded
	if reads {
		if in.Unread = !c.options.read; in.Unread {
			e.Unread = reading.Name
			reader, e.Unloaded = c.reader(ctx, reading)
		} else if reader, err = c.readAuthProfile(ctx, &in); err != nil {
			return Explanation{}, err
		}
	}
	aws, err := c.configure(ctx, &in, reader)
	if _, senseless := errors.AsType[fault.Problems](err); senseless {
		return Explanation{}, err
	}
	if err != nil { // the program may run on another machine, where the profile is
		e.Unloaded, in.Unconfigured = err, true
	}
	s, notices, err := resolve.Resolve(in)
	if err != nil {
		return Explanation{}, err
	}
	e.AWS, e.Values, e.Login, e.Policy = s.AWS.String(), s.Values, s.Login, s.Policy()
	read := func(by string) {
		e.Calls = append(e.Calls, reading.Call())
		e.before(resolve.Grant{To: by, Statements: []resolve.Statement{reading.Policy()}})
	}
	base := s.AWS.Base()
	apart := reads && reading.AWS != base // the authentication profile is read by somebody else
	if apart {
		read(e.lead(reader.cloud(), reading.AWS))
	}
	if s.Login != resolve.Password {
		e.By = e.lead(aws, base)
	}
	if aws != nil {
		e.Notices = aws.Notices()
	}
	e.Notices = append(e.Notices, notices...)
	if reads && !apart {
		read(e.By)
	}
	e.Calls = append(e.Calls, s.Plan()...)
	if assumes, ok := s.RoleGrant(e.By); ok {
		e.before(assumes)
		e.By = s.AWS.RoleARN
	}
	e.join()
	return e, nil
}

// lead adds what is asked on the way to credentials, and names who has them. aws is nil where it cannot be known.
func (e *Explanation) lead(aws cloud, of resolve.Credentials) (who string) {
	if aws == nil {
		return of.String()
	}
	for _, link := range aws.Chain() {
		e.Calls = append(e.Calls, link.Call())
		if grant, ok := link.Grant(); ok {
			e.before(grant)
		}
	}
	return aws.Base()
}

// before adds to what somebody needs who asks before a login is asked for.
func (e *Explanation) before(g resolve.Grant) {
	for i := range e.Before {
		if e.Before[i].To == g.To {
			e.Before[i].Statements = append(e.Before[i].Statements, g.Statements...)
			return
		}
	}
	e.Before = append(e.Before, g)
}

// join puts what whoever asks for logins needs before that with what the login takes.
func (e *Explanation) join() {
	e.Before = slices.DeleteFunc(e.Before, func(g resolve.Grant) bool {
		if g.To == e.By {
			e.Policy = append(g.Statements, e.Policy...)
		}
		return g.To == e.By
	})
}
