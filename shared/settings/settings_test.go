package settings_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/settings"
	"github.com/sluicehq/sluice/shared/warehouse"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

var (
	rotate = settings.Rotate{Stage: "prod", Bus: "sluice-prod", Timings: settings.DefaultTimings(), Warehouse: warehouse.Warehouse{
		Name: "analytics", Cluster: "examplecluster", Verify: warehouse.VerifyLogin,
		Allow: warehouse.Allowance{Databases: []string{"sales"}, Users: []string{"app_*"}, Groups: []string{"readers"}, AutoCreate: true},
	}}
	refresh = settings.Refresh{Stage: "prod", Bus: "sluice-prod", Timings: settings.Timings{Lifetime: 45 * time.Minute, Tick: time.Minute, RotateBelow: 1205 * time.Second},
		Clusters: map[string]string{"analytics": "examplecluster", "finance": "second"}}
)

func TestLoadReadsWhatEnvWrote(t *testing.T) {
	if got, err := settings.LoadRotate(lookup(rotate.Env())); err != nil || !reflect.DeepEqual(got, rotate) {
		t.Errorf("LoadRotate = %+v, %v; want %+v", got, err, rotate)
	}
	if got, err := settings.LoadRefresh(lookup(refresh.Env())); err != nil || !reflect.DeepEqual(got, refresh) {
		t.Errorf("LoadRefresh = %+v, %v; want %+v", got, err, refresh)
	}
}

func places(t *testing.T, err error) (where []string) {
	t.Helper()
	problems, ok := errors.AsType[fault.Problems](err)
	if err != nil && !ok {
		t.Fatalf("%T: %v; want fault.Problems", err, err)
	}
	for _, p := range problems {
		where = append(where, p.Where)
		if p.Fix == "" {
			t.Errorf("%s: no remedy", p.Where)
		}
	}
	return where
}

func TestLoadReportsAllProblemsAtOnce(t *testing.T) {
	loadRotate := func(env map[string]string) error { _, err := settings.LoadRotate(lookup(env)); return err }
	loadRefresh := func(env map[string]string) error { _, err := settings.LoadRefresh(lookup(env)); return err }
	for _, tc := range []struct {
		name   string
		load   func(map[string]string) error
		env    map[string]string
		change map[string]string // over env; empty unsets
		want   []string
	}{
		{"rotate with nothing", loadRotate, nil, nil,
			[]string{"SLUICE_STAGE", "SLUICE_BUS", "SLUICE_LIFETIME", "SLUICE_TICK", "SLUICE_ROTATE_BELOW", "SLUICE_WAREHOUSE"}},
		{"refresh with nothing", loadRefresh, nil, nil,
			[]string{"SLUICE_STAGE", "SLUICE_BUS", "SLUICE_LIFETIME", "SLUICE_TICK", "SLUICE_ROTATE_BELOW", "SLUICE_CLUSTERS"}},
		{"a variable that is missing does not hide timings that cannot work", loadRotate, rotate.Env(),
			map[string]string{"SLUICE_BUS": "", "SLUICE_LIFETIME": "2h"}, []string{"SLUICE_BUS", "timings.lifetime"}},
		{"a duration that is none, and a warehouse that is wrong", loadRotate, rotate.Env(),
			map[string]string{"SLUICE_TICK": "5", "SLUICE_WAREHOUSE": `{"name":"a","cluster":"","verify":"login","allow":{"databases":["x"],"users":["*"]}}`},
			[]string{"SLUICE_TICK", "SLUICE_WAREHOUSE.cluster", "SLUICE_WAREHOUSE.allow.users[0]"}},
		{"a field of another version", loadRotate, rotate.Env(), map[string]string{"SLUICE_WAREHOUSE": `{"workgroup":"x"}`}, []string{"SLUICE_WAREHOUSE"}},
		{"no JSON", loadRefresh, refresh.Env(), map[string]string{"SLUICE_CLUSTERS": "examplecluster"}, []string{"SLUICE_CLUSTERS"}},
		{"no warehouse", loadRefresh, refresh.Env(), map[string]string{"SLUICE_CLUSTERS": "{}"}, []string{"SLUICE_CLUSTERS"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := make(map[string]string)
			maps.Copy(env, tc.env)
			maps.Copy(env, tc.change)
			if got := places(t, tc.load(env)); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %v, want %v", got, tc.want)
			}
		})
	}
}

func TestConsumerTags(t *testing.T) {
	full := settings.Consumer{Stage: "prod", Name: "reporting", Warehouse: "analytics", API: settings.GetClusterCredentials,
		Login: warehouse.Login{Database: "sales", User: "app", Groups: []string{"readers", "writers"}, AutoCreate: true}}
	lean := full
	lean.Login.Groups, lean.Login.AutoCreate = nil, false
	for _, c := range []settings.Consumer{full, lean} {
		tags := c.Tags()
		tags["team"] = "data" // foreign tags are nobody's business
		if got, err := settings.LoadConsumer(tags); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("LoadConsumer = %+v, %v; want %+v", got, err, c)
		}
	}
	want := map[string]string{"sluice:stage": "prod", "sluice:consumer": "reporting", "sluice:warehouse": "analytics", "sluice:api": "GetClusterCredentials",
		"sluice:database": "sales", "sluice:user": "app", "sluice:groups": "readers:writers", "sluice:auto-create": "true"}
	if got := full.Tags(); !maps.Equal(got, want) {
		t.Errorf("Tags = %v, want %v", got, want)
	}
	if _, ok := lean.Tags()[settings.TagGroups]; ok {
		t.Error("a consumer without groups has a tag for them")
	}

	for name, tc := range map[string]struct {
		change map[string]string
		want   []string
	}{
		"unknown tags of ours": {map[string]string{"sluice:role": "x", "sluice:rights": "y"}, []string{"sluice:rights", "sluice:role"}},
		"another API":          {map[string]string{"sluice:api": "GetCredentials"}, []string{"sluice:api"}},
		"auto-create is maybe": {map[string]string{"sluice:auto-create": "maybe"}, []string{"sluice:auto-create"}},
		"several at once":      {map[string]string{"sluice:user": "", "sluice:database": "", "sluice:x": "1"}, []string{"sluice:database", "sluice:user", "sluice:x"}},
	} {
		t.Run(name, func(t *testing.T) {
			tags := full.Tags()
			maps.Copy(tags, tc.change)
			_, err := settings.LoadConsumer(tags)
			if got := places(t, err); !slices.Equal(got, tc.want) {
				t.Errorf("problems at %v, want %v", got, tc.want)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		_, err := settings.LoadConsumer(nil)
		if got := places(t, err); len(got) != 7 {
			t.Errorf("problems at %v, want the seven tags that are always there", got)
		}
	})
}

func TestPlaceholderNeverVaries(t *testing.T) {
	if settings.Placeholder != `{"engine":"redshift"}` {
		t.Error("CloudFormation writes a changed placeholder over the leases that readers use")
	}
}

func TestDefaultTimings(t *testing.T) {
	d := settings.DefaultTimings()
	if problems := d.Problems(); len(problems) > 0 {
		t.Errorf("%v", problems)
	}
	if d.Floor() != 34*time.Minute || d.Versions() != 72 || d.Urgent() != 20*time.Minute {
		t.Errorf("floor %s, %d versions, urgent below %s; want 34m, 72, 20m", d.Floor(), d.Versions(), d.Urgent())
	}
}

// Timings that cannot work are refused with the arithmetic, and those that just can are not.
func TestTimings(t *testing.T) {
	const m = time.Minute
	for _, tc := range []struct {
		name                        string
		lifetime, tick, rotateBelow time.Duration
		says                        []string // none if it works
	}{
		{"default", 60 * m, 5 * m, 40 * m, nil},
		{"exactly the versions of a day", 45 * m, 5 * m, 25 * m, nil},
		{"one version too many", 60 * m, 5 * m, 40*m + time.Second, []string{"24h / (60m - 40m1s) = 73 versions", "100 - 25 (failed attempts) - 3 (spare) = 72", "lower rotateBelow to 40m or less"}},
		{"exactly a reader's floor", 60 * m, 5 * m, 16 * m, nil},
		{"a second below a reader's floor", 60 * m, 5 * m, 16*m - time.Second, []string{"15m59s - 5m (tick) - 1m (window and rotation) = 9m59s of life", "caches for 5m", "needs 10m", "raise rotateBelow to 16m"}},
		{"slow tick", 60 * m, 20 * m, 40 * m, []string{"20m (for a day's versions) + 5m (for what readers cache) + 2 x 20m (ticks) + 1m (window and rotation) = 66m is the least; tick more often"}},
		{"shortest", 28 * m, m, 8 * m, nil},
		{"both at once", 30 * m, 5 * m, 15 * m, []string{"timings.lifetime: is 30m", "= 36m is the least; write 36m or more, or tick more often"}},
		{"lifetime too short", 899 * time.Second, m, 8 * m, []string{"is 14m59s, and Redshift gives logins for 15m to 60m"}},
		{"lifetime too long", 61 * m, 5 * m, 40 * m, []string{"is 61m, and Redshift gives logins for 15m to 60m"}},
		{"lifetime in fractions", 60*m - time.Millisecond, 5 * m, 39 * m, []string{"in whole seconds"}},
		{"no tick", 60 * m, 0, 40 * m, []string{"timings.tick: is 0m, and EventBridge Scheduler counts whole minutes"}},
		{"tick in seconds", 60 * m, 90 * time.Second, 40 * m, []string{"timings.tick: is 1m30s"}},
		{"never due", 60 * m, 5 * m, 0, []string{"timings.rotateBelow: is 0m, and must lie between nothing and the lifetime of 60m"}},
		{"always due", 60 * m, 5 * m, 60 * m, []string{"timings.rotateBelow: is 60m"}},
		{"nothing at all", 0, 0, 0, []string{"timings.lifetime", "timings.tick", "timings.rotateBelow"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			problems := settings.Timings{Lifetime: tc.lifetime, Tick: tc.tick, RotateBelow: tc.rotateBelow}.Problems()
			if len(tc.says) == 0 && len(problems) > 0 || len(tc.says) > 0 && len(problems) == 0 {
				t.Fatalf("Problems = %v", problems)
			}
			for _, text := range tc.says {
				if !strings.Contains(problems.Error(), text) {
					t.Errorf("%v\ndoes not say %q", problems, text)
				}
			}
		})
	}
}
