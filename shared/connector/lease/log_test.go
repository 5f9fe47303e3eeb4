package lease_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/connector/lease"
	"github.com/sluicehq/sluice/shared/secret"
)

func TestLog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var out bytes.Buffer
		c := lease.New(lease.Options{
			Random: func() float64 { return 0.5 },
			Log:    slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		// said is what was logged since it was called last, and what it was about.
		said := func() (line struct {
			Level, Msg, Err string
			Key             map[string]any
			Took, Left      time.Duration
		}) {
			synctest.Wait()
			defer out.Reset()
			if strings.Contains(out.String(), "hunter2") {
				t.Errorf("the log has the password: %s", &out)
			}
			if out.Len() > 0 {
				if err := json.Unmarshal(out.Bytes(), &line); err != nil {
					t.Errorf("want one line: %v in %s", err, &out)
				}
			}
			return line
		}
		s := &service{life: time.Hour, takes: time.Second}
		mint := func(ctx context.Context) (lease.Lease, error) {
			l, err := s.mint(ctx)
			l.Password = secret.New("hunter2")
			return l, err
		}
		get := func() { _, _ = c.Get(t.Context(), key, mint); time.Sleep(s.takes) }

		get()
		got := said()
		if got.Level != "DEBUG" || got.Msg != "lease minted" || got.Key["workgroup"] != "sales" || got.Took != time.Second || got.Left != time.Hour-time.Second {
			t.Errorf("after a mint: %+v", got)
		}
		if _, ok := got.Key["cluster"]; ok {
			t.Errorf("the log has a cluster for a key that has none: %v", got.Key)
		}
		if get(); said().Msg != "" {
			t.Error("a lease at hand is worth no line")
		}
		time.Sleep(50 * time.Minute)
		s.fails = denied
		get()
		if got := said(); got.Msg != "lease not refreshed; the one at hand is used" || got.Err != "AccessDenied" || got.Left < 9*time.Minute || got.Left > 10*time.Minute {
			t.Errorf("after a refresh that failed: %+v", got)
		}
		s.fails = nil
		time.Sleep(lease.FirstRest)
		get()
		if got := said(); got.Msg != "lease refreshed" {
			t.Errorf("after a refresh: %+v", got)
		}
		s.life = 0
		time.Sleep(55 * time.Minute)
		get()
		synctest.Wait()
		if strings.Contains(out.String(), `"left"`) {
			t.Errorf("a lease without end has a life left: %s", &out)
		}
		if got := said(); got.Msg != "lease refreshed" {
			t.Errorf("after a refresh: %+v", got)
		}
		l, _ := c.Get(t.Context(), key, mint)
		c.Drop(key, l, wrong)
		s.fails = denied
		get()
		if got := said(); got.Msg != "lease not minted" || got.Err != "AccessDenied" || got.Left != 0 {
			t.Errorf("after a mint that failed: %+v", got)
		}
	})
}

// TestKeyIsLoggedWhole holds LogValue to the fields that Key has.
func TestKeyIsLoggedWhole(t *testing.T) {
	var k lease.Key
	v := reflect.ValueOf(&k).Elem()
	for field := range v.Type().Fields() {
		switch f := v.FieldByIndex(field.Index); f.Kind() {
		case reflect.String:
			f.SetString("is " + field.Name)
		case reflect.Bool:
			f.SetBool(true)
		default:
			f.SetInt(1)
		}
	}
	logged := make(map[string]bool)
	for _, attr := range k.LogValue().Group() {
		logged[strings.ToLower(attr.Key)] = true
		if got, want := strings.ToLower(attr.Value.String()), "is "+strings.ToLower(attr.Key); attr.Value.Kind() == slog.KindString && got != want {
			t.Errorf("%s: %q", attr.Key, got)
		}
	}
	for field := range v.Type().Fields() {
		if !logged[strings.ToLower(field.Name)] {
			t.Errorf("%s is not logged", field.Name)
		}
	}
	if got := (lease.Key{}).LogValue().Group(); len(got) != 0 {
		t.Errorf("an empty key logs %v", got)
	}
}
