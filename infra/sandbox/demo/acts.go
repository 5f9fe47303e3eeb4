package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/event"
	"github.com/sluicehq/sluice/shared/fault"
)

// query is what the application asks: who it is, and a number that only members of its group can read.
const query = "SELECT current_user, count(*) FROM sales"

func (d *demo) firstRotation(ctx context.Context) error {
	if err := d.control.Settle(ctx); err != nil {
		return err
	}
	d.say("deploying the rotation started the first one; nobody called anything by hand")
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	d.first = l
	d.prove(l.user == "IAM:"+world.User && d.left(l) > 59*time.Minute, "the first rotation filled the secret",
		"the application reads the login %s, good for %s", l.user, d.left(l))
	return nil
}

func (d *demo) login(ctx context.Context) error {
	who, rows, err := ask(ctx, d.first, d.roots, query)
	if err != nil {
		return err
	}
	d.prove(who == world.User && rows > 0, "the login works over verified TLS, in its group", "%s counts %d sales, which only %s may read", who, rows, world.Group)
	return nil
}

func (d *demo) plaintext(ctx context.Context) error {
	err := askInTheClear(ctx, d.first)
	refusal, refused := errors.AsType[*pgconn.PgError](err)
	saw := fmt.Sprint(err)
	if refused {
		saw = "the server says: " + refusal.Message + ". " + refusal.Hint
	}
	d.prove(refused, "a login without TLS is refused", "%s", saw)
	return nil
}

func (d *demo) tick(ctx context.Context) error {
	if err := d.pass(ctx, 25*time.Minute); err != nil {
		return err
	}
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	rotated, err := d.announced(ctx, event.CredentialsRotated, consumer)
	if err != nil {
		return err
	}
	_, _, newErr := ask(ctx, l, d.roots, query)
	d.prove(!l.same(d.first) && newErr == nil && len(rotated) == 2, "the tick replaced the login in time",
		"a new login, good for %s, works; %d times %q on the bus", d.left(l), len(rotated), event.CredentialsRotated)
	_, _, oldErr := ask(ctx, d.first, d.roots, query)
	d.prove(oldErr == nil, "the old login still works meanwhile", "it has %s left", d.left(d.first))
	return nil
}

func (d *demo) expiry(ctx context.Context) error {
	if err := d.pass(ctx, d.left(d.first)+time.Second); err != nil {
		return err
	}
	_, _, oldErr := ask(ctx, d.first, d.roots, query)
	d.prove(fault.ReasonOf(oldErr) == login.LoginExpired, "the old login is refused after its expiry", "%v", oldErr)
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	_, _, err = ask(ctx, l, d.roots, query)
	d.prove(err == nil, "readers have had a good login all along", "the one in the secret has %s left", d.left(l))
	return nil
}

// outage begins just before the login is due, which is the worst time for it.
func (d *demo) outage(ctx context.Context) error {
	before, err := d.read(ctx)
	if err != nil {
		return err
	}
	if err := d.control.AddFault(ctx, awshttp.Fault{Service: "redshift", Operation: "GetClusterCredentials", Kind: awshttp.Failing, Count: 1000}); err != nil {
		return err
	}
	if err := d.pass(ctx, d.left(before)-40*time.Minute); err != nil {
		return err
	}
	dead := 0
	for range 4 {
		if err := d.pass(ctx, 5*time.Minute); err != nil {
			return err
		}
		l, err := d.read(ctx)
		if err != nil {
			return err
		}
		if _, _, err := ask(ctx, l, d.roots, query); err != nil {
			dead++
		}
	}
	failing, err := d.announced(ctx, event.CredentialsFailing, consumer)
	if err != nil {
		return err
	}
	d.prove(dead == 0 && len(failing) > 0, "an outage of minting leaves nobody without a login",
		"each of 4 logins during it worked; %d times %q, because: %s", len(failing), event.CredentialsFailing, reasons(failing))
	if err := d.control.ClearFaults(ctx); err != nil {
		return err
	}
	d.say("the outage is over")
	if err := d.pass(ctx, 11*time.Minute); err != nil {
		return err
	}
	after, err := d.read(ctx)
	if err != nil {
		return err
	}
	_, _, err = ask(ctx, after, d.roots, query)
	d.prove(!after.same(before) && err == nil, "afterwards it heals by itself", "a new login, good for %s, works", d.left(after))
	return nil
}

func (d *demo) paused(ctx context.Context) error {
	if _, err := d.redshift.PauseCluster(ctx, &redshift.PauseClusterInput{ClusterIdentifier: new(world.Cluster)}); err != nil {
		return fmt.Errorf("pause the cluster: %w", err)
	}
	before, err := d.versions(ctx)
	if err != nil {
		return err
	}
	if err := d.pass(ctx, 2*time.Hour); err != nil {
		return err
	}
	after, err := d.versions(ctx)
	if err != nil {
		return err
	}
	outcomes, err := d.outcomes(ctx)
	if err != nil {
		return err
	}
	last := outcomes[len(outcomes)-1]
	d.prove(last == "Parked paused" && before == after, "a paused cluster parks its consumers", "the last tick says %q; no version of the secret was used up", last)
	if _, err := d.redshift.ResumeCluster(ctx, &redshift.ResumeClusterInput{ClusterIdentifier: new(world.Cluster)}); err != nil {
		return fmt.Errorf("resume the cluster: %w", err)
	}
	d.say("the cluster is resumed")
	if err := d.pass(ctx, 15*time.Minute); err != nil {
		return err
	}
	l, err := d.read(ctx)
	if err != nil {
		return err
	}
	_, _, err = ask(ctx, l, d.roots, query)
	d.prove(err == nil, "a resumed cluster gets logins again", "a new login, good for %s, works", d.left(l))
	return nil
}

// pass lets time go by on the sandbox's clock, with every tick in it.
func (d *demo) pass(ctx context.Context, by time.Duration) error {
	if by <= 0 {
		return nil
	}
	now, err := d.control.Advance(ctx, by)
	if err == nil {
		d.say("%s pass; in the sandbox it is %s", by, now.Format("15:04:05"))
	}
	return err
}

// versions counts the versions that the consumer's secret has.
func (d *demo) versions(ctx context.Context) (int, error) {
	out, err := d.operator.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: new(secretName), IncludeDeprecated: new(true)})
	if err != nil {
		return 0, fmt.Errorf("count versions of %s: %w", secretName, err)
	}
	return len(out.Versions), nil
}
