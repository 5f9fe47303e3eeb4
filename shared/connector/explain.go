package connector

import (
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

	// Policy is the smallest that allows them; with a role of RoleArn, that role's. CallerPolicy is then what whoever assumes the role
	// needs, and empty otherwise.
	Policy, CallerPolicy []resolve.Statement

	// Unread is the authentication profile that would be read first and was not; the rest does not know what it says.
	Unread string
	// Unloaded is why the AWS configuration of this machine cannot be used, as a connection from here could not; nil if it can. The rest
	// is then what the properties say without it.
	Unloaded error
}

// Explain resolves properties as [Connector.Connect] does, and says what it would do. It reads the AWS configuration of this
// machine, where it can. With [ReadingAuthProfile] it asks Redshift for the authentication profile that the properties name, and makes no other
// call; without, it makes none.
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
	if reads {
		if in.Unread = !c.options.read; in.Unread {
			e.Unread = reading.Name
		} else if err = c.readAuthProfile(ctx, &in); err != nil {
			return Explanation{}, err
		}
		e.Calls = append(e.Calls, reading.Call())
	}
	aws, err := c.configure(ctx, &in)
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
	e.AWS = s.AWS.String()
	if aws != nil {
		e.Notices = aws.Notices()
	}
	e.Values, e.Login, e.Notices = s.Values, s.Login, append(e.Notices, notices...)
	e.Calls = append(e.Calls, s.Plan()...)
	e.Policy, e.CallerPolicy = s.Policy(), s.CallerPolicy()
	switch {
	case reads && len(e.CallerPolicy) > 0: // the role is not assumed for that
		e.CallerPolicy = append([]resolve.Statement{reading.Policy()}, e.CallerPolicy...)
	case reads:
		e.Policy = append([]resolve.Statement{reading.Policy()}, e.Policy...)
	}
	return e, nil
}
