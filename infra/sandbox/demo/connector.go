package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/control"
	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// analyst is the role of a program that gets its logins itself.
const analyst = "analyst"

// sold is what the program asks: who it is, and numbers that only members of its group can read.
const sold = "SELECT current_user, venuename, sum(pricepaid) FROM sales JOIN venue USING (venueid) GROUP BY venuename ORDER BY venuename"

// connects has a program of its own connect with the connector: with the login in the consumer's secret, and with logins that it
// asks for itself.
func (d *demo) connects(ctx context.Context) error {
	about, err := d.control.World(ctx)
	if err != nil {
		return err
	}
	own := fmt.Sprintf("arn:aws:iam::%s:role/%s", about.Account, analyst)
	if err := d.furnishHome(map[string]string{reportingProfile: d.role, analystProfile: own}); err != nil {
		return err
	}
	behind := strings.TrimSuffix(time.Until(d.world.Clock.Now()).Round(time.Minute).String(), "0s")
	d.say("shared/connector/example runs as a process of its own, with AWS's two files in its home and a clock that is %s behind", behind)
	d.say("it asks: %s", sold)
	if err := d.connectsWithSecret(ctx, about); err != nil {
		return err
	}
	return d.connectsByItself(ctx, about)
}

// connectsWithSecret has the program read what Sluice keeps fresh, as the role that may.
func (d *demo) connectsWithSecret(ctx context.Context, about control.World) error {
	properties := d.properties("SecretID="+secretName, "Profile="+reportingProfile, "CaFile="+about.Authority)
	if _, err := d.explain(ctx, properties); err != nil {
		return err
	}
	rows, err := d.query(ctx, properties)
	d.prove(err == nil && rows > 0, "a program connects with its consumer's secret",
		"%s", seen(err, "%d rows; it has a profile that takes the role %s, and no password", rows, last(d.role)))
	return nil
}

// connectsByItself gives the program's role nothing at first, and then the policy that sluice explain prints for it, as it is.
func (d *demo) connectsByItself(ctx context.Context, about control.World) error {
	properties := d.properties("IAM=1", "ClusterID="+about.Cluster, "AccountID="+about.Account, "Database="+about.Database, "DbUser="+world.User, "DbGroups="+world.Group,
		"Profile="+analystProfile, "CaFile="+about.Authority)
	plan, err := d.explain(ctx, properties)
	if err != nil {
		return err
	}
	people := iam.NewFromConfig(d.aws)
	trust := `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::` + about.Account + `:user/operator"}, "Action": "sts:AssumeRole"}}`
	if _, err := people.CreateRole(ctx, &iam.CreateRoleInput{RoleName: new(analyst), AssumeRolePolicyDocument: &trust}); err != nil {
		return fmt.Errorf("make role %s: %w", analyst, err)
	}
	if err := d.pass(ctx, world.IAMDelay); err != nil {
		return err
	}
	_, refusal := d.query(ctx, properties)
	d.say("the role %s may do nothing yet: %s", analyst, oneLine(fmt.Sprint(refusal)))
	if err := d.showPolicy(plan.Policy); err != nil {
		return err
	}
	if _, err := people.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: new(analyst), PolicyName: new("connector"), PolicyDocument: new(string(plan.Policy))}); err != nil {
		return fmt.Errorf("give role %s its policy: %w", analyst, err)
	}
	if err := d.pass(ctx, world.IAMDelay); err != nil {
		return err
	}
	before := d.world.AWS.Calls().Last()
	rows, err := d.query(ctx, properties)
	if err != nil {
		d.prove(false, "a program gets logins by itself, by the smallest policy", "%v", err)
		return nil
	}
	made := d.madeBy(analyst, before)
	calls := plan.Calls[1:] // the first is the operator's, who becomes the role
	explained := slices.EqualFunc(calls, made, func(c planned, action string) bool { return c.Action == action })
	refused := strings.Contains(fmt.Sprint(refusal), "not authorized to perform: "+calls[0].Action)
	d.prove(refused && rows > 0 && explained, "a program gets logins by itself, by the smallest policy",
		"%d rows with it, a refusal without; the role made the calls that were explained: %s", rows, strings.Join(made, ", "))
	return nil
}

// properties joins properties as a connection string, and shows it.
func (d *demo) properties(all ...string) string {
	joined := strings.Join(all, ";")
	d.say("WAREHOUSE='%s'", joined)
	return joined
}

// query has the program ask, shows what it prints, and counts the rows.
func (d *demo) query(ctx context.Context, properties string) (rows int, err error) {
	printed, err := d.execute(ctx, properties, exampleBinary, sold)
	if err != nil {
		return 0, err
	}
	for row := range strings.Lines(printed) {
		d.say("  %s", strings.Join(strings.Split(strings.TrimSpace(row), "\t"), ", "))
		rows++
	}
	return rows, nil
}

// showPolicy shows a policy statement by statement.
func (d *demo) showPolicy(text []byte) error {
	var policy struct {
		Statement []struct{ Action, Resource []string }
	}
	if err := json.Unmarshal(text, &policy); err != nil {
		return fmt.Errorf("read the policy: %w", err)
	}
	d.say("the operator gives it the policy that sluice explain prints, as it is:")
	for _, s := range policy.Statement {
		d.say("  %s on %s", strings.Join(s.Action, ", "), strings.Join(s.Resource, ", "))
	}
	return nil
}

// madeBy lists the calls that sessions of a role made after one with the given number, as policies name them.
func (d *demo) madeBy(role string, before uint64) (actions []string) {
	for _, c := range d.world.AWS.Calls().List(awshttp.Filter{After: before}) {
		if strings.Contains(c.Principal, ":assumed-role/"+role+"/") {
			actions = append(actions, c.Service+":"+c.Operation)
		}
	}
	return actions
}

// seen is what there is to say of success, or the error.
func seen(err error, format string, args ...any) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf(format, args...)
}
