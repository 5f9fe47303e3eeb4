package connector

import (
	"cmp"
	"context"
	"errors"

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

	// Policy is the smallest for who asks for logins, whom By names. Before are the policies of those who assume roles on the way there,
	// of a profile and of RoleArn, in the order in which they ask.
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
	base := s.AWS.Base()
	apart := reads && reading.AWS != base // the authentication profile is read by somebody else
	if apart {
		e.Calls = append(e.Calls, reading.Call())
		e.Before = append(e.Before, resolve.Grant{To: reading.AWS.String(), Statements: []resolve.Statement{reading.Policy()}})
	}
	if aws != nil {
		e.Notices, e.By = aws.Notices(), aws.Base()
		for _, link := range aws.Chain() {
			e.Calls = append(e.Calls, link.Call())
			if grant, ok := link.Grant(); ok {
				e.Before = append(e.Before, grant)
			}
		}
	}
	e.Notices = append(e.Notices, notices...)
	var more []resolve.Statement
	if reads && !apart {
		e.Calls = append(e.Calls, reading.Call())
		more = []resolve.Statement{reading.Policy()}
	}
	e.Calls = append(e.Calls, s.Plan()...)
	e.grant(s, cmp.Or(e.By, base.String()), more)
	return e, nil
}

// grant divides the permissions between those who need them. What else is read with the credentials at the base is not read as the role of
// RoleArn.
func (e *Explanation) grant(s resolve.Settings, base string, more []resolve.Statement) {
	assumes, ok := s.RoleGrant(base)
	if !ok {
		e.Policy = append(more, e.Policy...)
		return
	}
	assumes.Statements = append(more, assumes.Statements...)
	e.Before, e.By = append(e.Before, assumes), s.AWS.RoleARN
}
