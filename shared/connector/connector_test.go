package connector_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/sluicehq/sluice/shared/connector"
	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// serve starts a warehouse that judges logins, and returns it with the properties of its cluster.
func serve(t *testing.T, judge func(logintest.Login) *pgproto3.ErrorResponse) (*logintest.Endpoint, map[string]string) {
	t.Helper()
	e := logintest.New()
	e.Judge = judge
	e.Answer = []pgproto3.BackendMessage{&pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 1")}}
	e.Serve()
	t.Cleanup(e.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, e.Authority().PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return e, map[string]string{
		"IAM": "1", "Server": "localhost", "Port": strconv.Itoa(e.Target().Port), "ClusterID": "analytics", "Region": "eu-central-1",
		"DbUser": "app", "Database": "sales", "CaFile": file,
	}
}

// nobody is whose secrets the tests hold.
const nobody = "of nobody"

// welcome lets everybody in.
func welcome(logintest.Login) *pgproto3.ErrorResponse { return nil }

// expired is what Redshift says of a login that is past its expiry.
var expired = &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: "IAM Authentication token has expired"}

// with is a set of properties with others in place; empty ones are taken away.
func with(properties map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(properties)
	maps.Copy(all, more)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func open(t *testing.T, properties map[string]string, c *cloud) *sql.DB {
	t.Helper()
	db, err := connector.Open(properties, c.options()...)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // so that each use is a new connection
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// passwords are those that the warehouse was told, in their order.
func passwords(e *logintest.Endpoint) (all []string) {
	for _, l := range e.Logins() {
		all = append(all, l.Password)
	}
	return all
}

func TestConnectionsShareALoginWhileItIsGood(t *testing.T) {
	e, properties := serve(t, welcome)
	c := new(cloud)
	db := open(t, properties, c)
	if asked := c.asked(); len(asked) > 0 {
		t.Errorf("opening asks for %v before anybody connects", asked)
	}
	for range 3 {
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.asked(), []string{"load default chain", "mint by GetClusterCredentials"}; !slices.Equal(got, want) {
		t.Errorf("asked for %v; want %v", got, want)
	}
	first := e.Logins()[0].Parameters
	if got := passwords(e); !slices.Equal(got, []string{"password 1", "password 1", "password 1"}) || first["user"] != "IAM:app" || first["database"] != "sales" || first["application_name"] != "sluice" {
		t.Errorf("logged in with %v as %v", got, first)
	}
}

func TestWithoutCacheEachConnectionHasALoginOfItsOwn(t *testing.T) {
	e, properties := serve(t, welcome)
	db := open(t, with(properties, map[string]string{"DisableCache": "1"}), new(cloud))
	for range 2 {
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := passwords(e); !slices.Equal(got, []string{"password 1", "password 2"}) {
		t.Errorf("logged in with %v", got)
	}
}

func TestAnExpiredLoginIsReplacedOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		refused int // logins that the warehouse calls expired, from the first
		want    []string
		err     error
	}{
		{"the second is good", 1, []string{"password 1", "password 2"}, nil},
		{"none is good", 9, []string{"password 1", "password 2"}, connector.ErrExpired},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := 0
			var mu sync.Mutex
			e, properties := serve(t, func(logintest.Login) *pgproto3.ErrorResponse {
				mu.Lock()
				defer mu.Unlock()
				if n++; n <= tc.refused {
					return expired
				}
				return nil
			})
			c := new(cloud)
			err := connect(t, properties, c)
			if !errors.Is(err, tc.err) {
				t.Errorf("%v; want %v", err, tc.err)
			}
			if got := passwords(e); !slices.Equal(got, tc.want) {
				t.Errorf("logged in with %v; want %v", got, tc.want)
			}
		})
	}
}

// connect makes one physical connection, without what database/sql does about failures.
func connect(t *testing.T, properties map[string]string, c *cloud, more ...connector.Option) error {
	t.Helper()
	made, err := connector.New(properties, append(c.options(), more...)...)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := made.Connect(t.Context())
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// A password that the warehouse does not know is not tried again: it would be wrong for ever. But it is forgotten.
func TestARefusedPasswordIsForgotten(t *testing.T) {
	e, properties := serve(t, func(l logintest.Login) *pgproto3.ErrorResponse {
		if l.Password == "password 1" {
			return &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "IAM:app"`}
		}
		return nil
	})
	db := open(t, properties, new(cloud))
	if err := db.PingContext(t.Context()); !errors.Is(err, connector.ErrWrongPassword) {
		t.Errorf("%v; want a wrong password", err)
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Error(err)
	}
	if got := passwords(e); !slices.Equal(got, []string{"password 1", "password 2"}) {
		t.Errorf("logged in with %v", got)
	}
}

func TestWhereTheWarehouseIsIsLookedUpOnce(t *testing.T) {
	e, properties := serve(t, welcome)
	c := &cloud{host: "localhost", port: e.Target().Port}
	db := open(t, with(properties, map[string]string{"Server": "", "Port": ""}), c)
	for range 2 {
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := c.asked(), []string{"load default chain", "mint by GetClusterCredentials", "endpoint of analytics"}; !slices.Equal(got, want) {
		t.Errorf("asked for %v; want %v", got, want)
	}
	c.mu.Lock()
	c.port = 1 // where nobody listens
	c.mu.Unlock()
	e.Close()
	for range 2 {
		if err := db.PingContext(t.Context()); !errors.Is(err, connector.ErrUnreachable) {
			t.Errorf("%v; want that it cannot be reached", err)
		}
	}
	if n := count(c.asked(), "endpoint of analytics"); n != 2 {
		t.Errorf("looked up %d times; want once more after the warehouse could not be reached", n)
	}
}

func count(calls []string, call string) (n int) {
	for _, c := range calls {
		if c == call {
			n++
		}
	}
	return n
}

// Whoever has little time learns nothing about where the warehouse is.
func TestAShortDeadlineDoesNotForgetWhereTheWarehouseIs(t *testing.T) {
	var busy atomic.Bool
	e, properties := serve(t, func(logintest.Login) *pgproto3.ErrorResponse {
		if busy.Load() {
			<-t.Context().Done()
		}
		return nil
	})
	c := &cloud{host: "localhost", port: e.Target().Port}
	made, err := connector.New(with(properties, map[string]string{"Server": "", "Port": ""}), c.options()...)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := made.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	busy.Store(true)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := made.Connect(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v; want that the time is over", err)
	}
	busy.Store(false)
	if conn, err = made.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if n := count(c.asked(), "endpoint of analytics"); n != 1 {
		t.Errorf("looked up %d times", n)
	}
}

// A warehouse that could not be reached is where it was as long as AWS does not say another place.
func TestAnOutageOfLookUpsDoesNotHideTheWarehouse(t *testing.T) {
	e, properties := serve(t, welcome)
	c := &cloud{host: "localhost", port: e.Target().Port}
	made, err := connector.New(with(properties, map[string]string{"Server": "", "Port": ""}), c.options()...)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := made.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	e.Close()
	c.mu.Lock()
	c.lost = true
	c.mu.Unlock()
	for range 2 {
		if _, err := made.Connect(t.Context()); !errors.Is(err, connector.ErrUnreachable) {
			t.Errorf("%v; want that it cannot be reached where it was", err)
		}
	}
	if n := count(c.asked(), "endpoint of analytics"); n != 2 {
		t.Errorf("looked up %d times", n)
	}
}

// Keys in files are replaced by hand and by tools: those at hand that have ended are not the last word.
func TestEndedCredentialsAreLookedForAgainOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		cloud *cloud
		want  []string
	}{
		{"others are there", &cloud{ends: 1, replaced: true}, []string{"load default chain", "mint by GetClusterCredentials", "load default chain", "mint by GetClusterCredentials"}},
		{"others are there and have ended, too", &cloud{ends: 2, replaced: true}, []string{"load default chain", "mint by GetClusterCredentials", "load default chain", "mint by GetClusterCredentials", "load default chain"}},
		{"none are there", &cloud{ends: 1}, []string{"load default chain", "mint by GetClusterCredentials", "load default chain"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, properties := serve(t, welcome)
			err := connect(t, properties, tc.cloud)
			if works := tc.cloud.replaced && tc.cloud.ends == 1; (err == nil) != works || errors.Is(err, connector.ErrCredentials) == works {
				t.Error(err)
			}
			if got := tc.cloud.asked(); !slices.Equal(got, tc.want) {
				t.Errorf("asked for %v; want %v", got, tc.want)
			}
		})
	}
}

func TestASecretThatLeavesThingsOut(t *testing.T) {
	e, properties := serve(t, welcome)
	given := map[string]string{"SecretID": "managed", "Region": "eu-central-1", "CaFile": properties["CaFile"]}
	if err := connect(t, given, new(cloud)); fault.FixOf(err) != "give Server" {
		t.Errorf("%v; want that Server is to be given", err)
	}
	given["Server"], given["Port"] = "localhost", properties["Port"]
	if err := connect(t, given, new(cloud)); err != nil {
		t.Fatal(err)
	}
	if got := e.Logins()[0].Parameters["database"]; got != "sales" {
		t.Errorf("opened database %q", got)
	}
	delete(given, "Port")
	if err := connect(t, given, new(cloud)); !errors.Is(err, connector.ErrUnreachable) || !strings.Contains(err.Error(), "localhost:5439") {
		t.Errorf("%v; want a try at Redshift's own port", err)
	}
}

// A secret may be rotated by somebody who does not say when its login ends.
func TestARefusedPasswordOfASecretIsReadAgain(t *testing.T) {
	e, properties := serve(t, func(l logintest.Login) *pgproto3.ErrorResponse {
		if l.Password == "password 1" {
			return &pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "consumer"`}
		}
		return nil
	})
	c := &cloud{host: "localhost", port: e.Target().Port}
	if err := connect(t, map[string]string{"SecretID": "reporting", "Region": "eu-central-1", "CaFile": properties["CaFile"]}, c); err != nil {
		t.Error(err)
	}
}

func TestAPreparedStatementIsTheSameAsAQuery(t *testing.T) {
	e, properties := serve(t, welcome)
	db := open(t, properties, new(cloud))
	at := time.Date(2020, 1, 2, 23, 30, 0, 0, time.FixedZone("", -2*3600))
	args := []any{at, true, 1.5, "text", nil, int64(7)}
	const insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)"
	if _, err := db.ExecContext(t.Context(), insert, args...); err != nil {
		t.Fatal(err)
	}
	prepared, err := db.PrepareContext(t.Context(), insert)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.ExecContext(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
	if err := prepared.Close(); err != nil {
		t.Fatal(err)
	}
	asked := slices.DeleteFunc(e.Queries(), func(q logintest.Query) bool { return q.SQL != insert })
	if len(asked) != 2 || fmt.Sprint(asked[0]) != fmt.Sprint(asked[1]) || asked[0].Binary || asked[0].Statement != "" {
		t.Errorf("asked\n%v", asked)
	}
	if left := e.Prepared(); len(left) > 0 {
		t.Errorf("left %v on the server", left)
	}
}

func TestPgxIsWithinReach(t *testing.T) {
	_, properties := serve(t, welcome)
	conn, err := open(t, properties, new(cloud)).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(raw any) error {
		if name := raw.(connector.Conn).Conn().Config().User; name != "IAM:app" {
			return fmt.Errorf("it is the connection of %q", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOptionsOfNothing(t *testing.T) {
	_, properties := serve(t, welcome)
	c := new(cloud)
	made, err := connector.New(properties, append(c.options(), connector.WithLogger(nil), connector.WithCache(nil))...)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := made.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestAConsumersSecretSaysWhere(t *testing.T) {
	e, properties := serve(t, welcome)
	c := &cloud{region: "eu-central-1", host: "localhost", port: e.Target().Port}
	if err := connect(t, map[string]string{"SecretID": "reporting", "CaFile": properties["CaFile"]}, c); err != nil {
		t.Fatal(err)
	}
	if got := e.Logins()[0].Parameters; got["user"] != "IAM:consumer" || got["database"] != "sales" {
		t.Errorf("logged in as %v", got)
	}
	if got := c.asked(); !slices.Equal(got, []string{"load default chain", "mint by GetSecretValue"}) {
		t.Errorf("asked for %v", got)
	}
}

func TestAnAuthenticationProfileIsReadOnceAndCannotLowerTLS(t *testing.T) {
	e, properties := serve(t, welcome)
	given := map[string]string{"IAM": "1", "AuthProfile": "shared", "AccessKeyID": "AKIDEXAMPLE0", "SecretAccessKey": nobody, "CaFile": properties["CaFile"]}
	content := fmt.Sprintf(`{"Host": "localhost", "port": %d, "ClusterIdentifier": "analytics", "db_user": "app", "db_name": "sales"`, e.Target().Port)

	c := &cloud{region: "eu-central-1", profile: content + "}"}
	db := open(t, given, c)
	for range 2 {
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"load access key", "authentication profile shared in eu-central-1", "mint by GetClusterCredentials"}
	if got := c.asked(); !slices.Equal(got, want) {
		t.Errorf("asked for %v; want %v", got, want)
	}
	for _, lower := range []string{`"sslmode": "require"`, `"ssl": false`} {
		c := &cloud{region: "eu-central-1", profile: content + ", " + lower + "}"}
		err := connect(t, given, c)
		if problems, ok := errors.AsType[fault.Problems](err); !ok || !strings.HasPrefix(problems[0].Where, "SSL") {
			t.Errorf("with %s: %v; want a refusal", lower, err)
		}
	}
}

// Where a person types a code for the credentials beneath a role, the authentication profile has been read with them.
func TestTheRoleIsAssumedWithWhatReadTheAuthenticationProfile(t *testing.T) {
	e, properties := serve(t, welcome)
	const role = "arn:aws:iam::111122223333:role/reports"
	content := fmt.Sprintf(`{"Host": "localhost", "port": %d, "ClusterIdentifier": "analytics", "db_user": "app", "region": "eu-west-1"`, e.Target().Port)
	for _, tc := range []struct {
		name, content string
		given         map[string]string
		want          []string
	}{
		{"the profile's own role", `, "role_arn": "` + role + `"`, map[string]string{"Profile": "person"},
			[]string{"load profile person", "authentication profile shared in eu-central-1", "the same as " + role + " by eu-west-1", "mint by GetClusterCredentials"}},
		{"the program's role", "", map[string]string{"Profile": "person", "RoleArn": role, "Region": "eu-central-1"},
			[]string{"load profile person", "authentication profile shared in eu-central-1", "the same as " + role + " by eu-central-1", "mint by GetClusterCredentials"}},
		{"no role, in another region", "", map[string]string{"Profile": "person"},
			[]string{"load profile person", "authentication profile shared in eu-central-1", "mint by GetClusterCredentials"}},
		{"another profile", `, "role_arn": "` + role + `", "profile": "robot"`, nil,
			[]string{"load default chain", "authentication profile shared in eu-central-1", "load profile robot, and with it the role " + role, "mint by GetClusterCredentials"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &cloud{region: "eu-central-1", profile: content + tc.content + "}"}
			given := with(map[string]string{"IAM": "1", "AuthProfile": "shared", "CaFile": properties["CaFile"]}, tc.given)
			if err := connect(t, given, c); err != nil {
				t.Error(err)
			}
			if got := c.asked(); !slices.Equal(got, tc.want) {
				t.Errorf("asked for\n%v; want\n%v", got, tc.want)
			}
		})
	}
}

// A client is one of several that have loaded the same.
type client struct {
	*cloud
	number int
}

// Region is one that somebody writes into the AWS configuration after the first load.
func (c *client) Region() (string, resolve.Origin) {
	if c.region == "" && c.number > 1 {
		return "eu-west-3", resolve.FromAWSProfile
	}
	return c.cloud.Region()
}

func (c *client) As(resolve.Credentials, string) connector.Cloud { return c }
func (c *client) AuthenticationProfile(ctx context.Context, region, endpoint, name string) ([]byte, error) {
	c.note(fmt.Sprint("read by client ", c.number))
	return c.cloud.AuthenticationProfile(ctx, region, endpoint, name)
}

// The AWS configuration is read again once credentials have ended. If it says what it said, what was typed for it is not thrown away.
func TestTheAuthenticationProfileIsReadAgainWithWhatWasGot(t *testing.T) {
	e, properties := serve(t, welcome)
	given := map[string]string{"IAM": "1", "AuthProfile": "shared", "Profile": "person", "RoleArn": "arn:aws:iam::111122223333:role/reports", "CaFile": properties["CaFile"]}
	far := &cloud{region: "eu-central-1", ends: 1,
		profile: fmt.Sprintf(`{"Host": "localhost", "port": %d, "ClusterIdentifier": "analytics", "db_user": "app"}`, e.Target().Port)}
	loads := 0
	c, err := connector.New(given, connector.WithCache(lease.New(lease.Options{})), connector.WithCloud(func(context.Context, resolve.Credentials) (connector.Cloud, error) {
		loads++
		return &client{far, loads}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Connect(t.Context()); !errors.Is(err, connector.ErrCredentials) {
		t.Errorf("%v; want that the credentials have ended", err)
	}
	reads := slices.DeleteFunc(far.asked(), func(call string) bool { return !strings.HasPrefix(call, "read by") })
	if want := []string{"read by client 1", "read by client 1"}; loads != 2 || !slices.Equal(reads, want) {
		t.Errorf("after %d loads: %v; want %v", loads, reads, want)
	}
}

// What the configuration has come to say since is not hidden by what was got before.
func TestTheAuthenticationProfileIsReadInTheRegionThatWasAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far := &cloud{profile: `{"ClusterIdentifier": "analytics", "db_user": "app"}`}
		loads := 0
		c, err := connector.New(map[string]string{"IAM": "1", "AuthProfile": "shared"}, connector.WithCache(lease.New(lease.Options{})),
			connector.WithCloud(func(context.Context, resolve.Credentials) (connector.Cloud, error) {
				loads++
				return &client{far, loads}, nil
			}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "Region") {
			t.Errorf("%v; want that there is no region", err)
		}
		far.refuse = errors.New("refused")
		time.Sleep(time.Minute)
		_, _ = c.Connect(t.Context())
		if got := far.asked(); got[len(got)-1] != "authentication profile shared in eu-west-3" || got[len(got)-2] != "read by client 2" {
			t.Errorf("asked for %v", got)
		}
	})
}

// Who has to type a code is waited for, whatever the code is needed for; where nobody is asked, an AWS that does not answer is not.
func TestAPersonIsWaitedFor(t *testing.T) {
	ask := connector.WithMFAToken(func() (string, error) { return "123456", nil })
	for about, given := range map[string]map[string]string{
		"a login":                   {"Server": "localhost", "ClusterID": "analytics"},
		"an authentication profile": {"AuthProfile": "shared"},
	} {
		for _, tc := range []struct {
			options []connector.Option
			takes   time.Duration
			answers bool
		}{
			{nil, 29 * time.Second, true}, {nil, 31 * time.Second, false},
			{[]connector.Option{ask}, 149 * time.Second, true}, {[]connector.Option{ask}, 151 * time.Second, false},
		} {
			t.Run(fmt.Sprint(about, tc.takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					refused := errors.New("refused")
					far := &cloud{takes: tc.takes, refuse: refused}
					given := with(map[string]string{"IAM": "1", "Region": "eu-central-1", "DbUser": "app"}, given)
					err := connect(t, given, far, tc.options...)
					if errors.Is(err, refused) != tc.answers || errors.Is(err, context.DeadlineExceeded) == tc.answers {
						t.Error(err)
					}
				})
			})
		}
	}
}

func TestAHostThatIsNoDomainOfAWSIsAskedAbout(t *testing.T) {
	_, properties := serve(t, welcome)
	given := with(properties, map[string]string{"ClusterID": "", "Server": "warehouse.example.com", "vpc_endpoint_url": "localhost", "TLSServerName": "localhost"})
	c := &cloud{domainKnown: true}
	if err := connect(t, given, c); err != nil {
		t.Error(err)
	}
	if got := c.asked(); !slices.Equal(got, []string{"load default chain", "domain warehouse.example.com", "mint by GetClusterCredentials"}) {
		t.Errorf("asked for %v", got)
	}
	if err := connect(t, given, new(cloud)); err == nil {
		t.Error("a host that is nobody's domain gets a login")
	}
}

// All who wait are told at once when they give up, and the login comes to those who do not.
func TestWhoeverGivesUpDoesNotTakeTheLoginAway(t *testing.T) {
	_, properties := serve(t, welcome)
	c := &cloud{hold: make(chan struct{})}
	made, err := connector.New(properties, c.options()...)
	if err != nil {
		t.Fatal(err)
	}
	impatient, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() { _, err := made.Connect(impatient); gaveUp <- err }()
	got := make(chan error)
	go func() {
		conn, err := made.Connect(t.Context())
		if err == nil {
			_ = conn.Close()
		}
		got <- err
	}()
	giveUp()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want that it was cancelled", err)
	}
	close(c.hold)
	if err := <-got; err != nil {
		t.Error(err)
	}
	if n := c.mints; n != 1 {
		t.Errorf("%d mints", n)
	}
}

func TestAllProblemsAtOnceAndBeforeAnybodyIsAsked(t *testing.T) {
	c := new(cloud)
	_, err := connector.Open(map[string]string{
		"IAM": "1", "Sever": "x", "Server": "c1.abc.us-west-2.redshift.amazonaws.com", "Workgroup": "w", "sslmode": "disable", "IAMDuration": "60", "AutoCreate": "perhaps",
	}, c.options()...)
	problems, _ := errors.AsType[fault.Problems](err)
	var where []string
	for _, p := range problems {
		where = append(where, p.Where)
	}
	slices.Sort(where)
	if want := []string{"IAMDuration", "SSLMode", "Server", "Sever"}; !slices.Equal(where, want) {
		t.Errorf("problems with %v; want %v\n%v", where, want, err)
	}
	if len(c.asked()) > 0 {
		t.Errorf("asked for %v", c.asked())
	}
}

func TestByNameInDatabaseSQL(t *testing.T) {
	if _, err := sql.Open(connector.DriverName, "redshift:iam://host:port"); err == nil {
		t.Error("a malformed string opens a database")
	}
	e, properties := serve(t, welcome)
	db, err := sql.Open(connector.DriverName, fmt.Sprintf("redshift://app:of%%20nobody@localhost:%d/sales?CaFile=%s", e.Target().Port, properties["CaFile"]))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.Logins()[0]; got.Parameters["user"] != "app" || got.Password != "of nobody" {
		t.Errorf("logged in as %v", got.Parameters)
	}
}
