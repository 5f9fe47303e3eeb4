package connected_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/fault"
)

const mint = "GetClusterCredentials"

// freeze gives the scene a cache whose clock stands still, as that of a machine whose clock is late.
func (s *scene) freeze() {
	now := s.Clock.Now()
	s.cache = lease.New(lease.Options{Now: func() time.Time { return now }, Log: s.logger()})
}

// connect makes one connection and closes it.
func connect(ctx context.Context, c *connector.Connector) error {
	conn, err := c.Connect(ctx)
	if err == nil {
		err = conn.Close()
	}
	return book.heard(err)
}

func TestNoCallWhileALeaseIsGood(t *testing.T) {
	s := begin(t)
	p := s.cluster(s.operatorKey())
	before := s.last()
	for range 2 { // two databases of one program
		c := must(s.connector(p))
		for range 10 {
			if err := connect(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if calls := operations(s.calls(before)); !slices.Equal(calls, []string{mint}) {
		t.Errorf("for 20 connections %v were called", calls)
	}
	before = s.last()
	c := must(s.connector(properties(p, map[string]string{"DisableCache": "1"})))
	for range 3 {
		if err := connect(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count(before, mint); n != 3 {
		t.Errorf("for 3 connections without a cache %d logins were asked for", n)
	}
}

// Another user, and another caller, is another lease. A wrong key gets none that a right one was given.
func TestLeasesAreNotMixedUp(t *testing.T) {
	s := begin(t)
	_, key := s.user(allow("redshift:GetClusterCredentials", "*"))
	p := s.cluster(keyOf(key))
	before := s.last()
	s.is(world.User, p)
	s.is(world.Master, properties(p, map[string]string{"DbUser": world.Master}))
	s.is(world.User, properties(p, s.operatorKey()))
	s.is(world.User, p)
	if n := s.count(before, mint); n != 3 {
		t.Errorf("%d logins were asked for; want one for each user and each caller", n)
	}
	wrong := properties(p, map[string]string{"SecretAccessKey": s.Operator.SecretAccessKey.Reveal()})
	if user, err := s.whoami(wrong); fault.ReasonOf(err) != awslease.CredentialsInvalid {
		t.Errorf("with a wrong secret: logged in as %q, %v; want the reason %s", user, err, awslease.CredentialsInvalid)
	}
	s.is(world.User, p)
}

// The warehouse has the last word on whether a login has ended.
func TestLoginThatHasEndedByTheWarehousesClock(t *testing.T) {
	s := begin(t)
	s.freeze()
	gate := s.gate(s.Warehouse.Port(), 1)
	c := must(s.connector(s.cluster(s.operatorKey(), map[string]string{"Port": gate.port()})))
	if err := connect(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(16 * time.Minute)
	before, came := s.last(), gate.came.Load()
	if err := connect(t.Context(), c); err != nil {
		t.Error(err)
	}
	if n, tries := s.count(before, mint), gate.came.Load()-came; n != 1 || tries != 2 {
		t.Errorf("%d logins were asked for, and %d connections tried; want 1 and 2", n, tries)
	}
	if err := connect(t.Context(), c); err != nil || s.count(before, mint) != 1 {
		t.Errorf("after that: %v, %d logins", err, s.count(before, mint))
	}

	s.wire.onAnswer(mint, func(question) { s.Clock.Advance(16 * time.Minute) }) // every login ends on its way
	s.Clock.Advance(16 * time.Minute)
	before, came = s.last(), gate.came.Load()
	if err := connect(t.Context(), c); !errors.Is(err, connector.ErrExpired) || fault.KindOf(err) != fault.Retry {
		t.Errorf("when the next login has ended, too: %v; want ErrExpired", err)
	}
	if n, tries := s.count(before, mint), gate.came.Load()-came; n != 1 || tries != 2 {
		t.Errorf("%d logins were asked for, and %d connections tried; want 1 and 2", n, tries)
	}
}

// While a lease lives, nobody hears that another cannot be had.
func TestMintThatFailsWhileALeaseLives(t *testing.T) {
	for kind, reason := range map[awshttp.Kind]string{awshttp.Refused: "Unauthorized", awshttp.Throttled: "Throttled", awshttp.LostBefore: "Unavailable"} {
		t.Run(string(kind), func(t *testing.T) {
			s := begin(t)
			t.Setenv("AWS_MAX_ATTEMPTS", "1")
			name, key := s.user(allow("redshift:GetClusterCredentials", "*"))
			c := must(s.connector(s.cluster(keyOf(key))))
			good := func(when string) {
				t.Helper()
				if err := connect(t.Context(), c); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
			good("at first")
			s.Cleanup(s.AWS.Faults().Clear)
			must(0, s.AWS.Faults().Add(awshttp.Fault{Service: "redshift", Operation: mint, Principal: account + "user/" + name, Kind: kind, Count: 1000}))
			failing := make(chan question, 100)
			s.wire.onAnswer(mint, func(q question) { failing <- q })

			s.Clock.Advance(13 * time.Minute)
			good("when it is time for another")
			select { // it happens in the background
			case q := <-failing:
				if q.status == http.StatusOK {
					t.Error("the login that should fail is given")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("no login is asked for in advance")
			}
			good("after one could not be had")
			s.Clock.Advance(90 * time.Second)
			good("half a minute before the end")
			s.Clock.Advance(32 * time.Second) // what AWS answers is dated in whole seconds
			err := connect(t.Context(), c)
			if fault.ReasonOf(err) != reason {
				t.Errorf("after the end: %v; want the reason %s", err, reason)
			}
			s.says(err, "IAM:"+world.User+" ended, and no other came")
			s.AWS.Faults().Clear()
			s.Clock.Advance(2 * time.Second)
			good("when AWS gives logins again")
		})
	}
}

// Who gives up waiting does not keep the others from a login that is on its way.
func TestWaitThatIsGivenUp(t *testing.T) {
	s := begin(t)
	c := must(s.connector(s.cluster(s.operatorKey())))
	asked, release := make(chan struct{}), make(chan struct{})
	s.wire.onAnswer(mint, func(question) { close(asked); <-release })
	ctx, giveUp := context.WithCancelCause(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	before := s.last()
	go func() { first <- connect(ctx, c) }()
	<-asked
	go func() { second <- connect(t.Context(), c) }()
	why := errors.New("the user has gone")
	giveUp(why)
	if err := <-first; !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	select {
	case err := <-second:
		t.Errorf("who waits has %v before there is an answer", err)
	default:
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("who waited: %v", err)
	}
	if n := s.count(before, mint); n != 1 {
		t.Errorf("%d logins were asked for", n)
	}
}

// A role's session ends sooner than the program that assumed it. Here even the SDK does not see that, as its clock is late: the next
// login that is asked for in advance finds it out.
func TestSessionThatEndsBehindALease(t *testing.T) {
	s := begin(t)
	_, arn := s.role(trustAccount, mayLogIn)
	c := must(s.connector(s.own(s.operatorKey(), map[string]string{"RoleArn": arn})))
	before := s.last()
	for range 120 { // minutes
		if err := connect(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Minute)
	}
	if n := s.count(before, "AssumeRole"); n < 2 || n > 3 {
		t.Errorf("the role was assumed %d times in two hours", n)
	}
}

// A consumer's secret is read again before the login in it ends, and then it holds the next.
func TestSecretThatIsRotated(t *testing.T) {
	s := begin(t)
	content := s.lease()
	content.ExpiresAt = s.Clock.Now().Add(15 * time.Minute)
	name := s.consumer(content)
	c := must(s.connector(properties(map[string]string{"SecretID": name, "Region": "us-east-1", "CaFile": s.authority()}, s.operatorKey())))
	before := s.last()
	for range 3 {
		for range 3 {
			if err := connect(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		s.put(name, s.lease())
		s.Clock.Advance(14*time.Minute + 30*time.Second)
	}
	if n := s.count(before, "GetSecretValue"); n != 2 {
		t.Errorf("the secret was read %d times; want once for the first login, and once for one of an hour", n)
	}
}
