package settings_test

import (
	"slices"
	"testing"

	"github.com/sluicehq/sluice/shared/settings"
)

func TestLogin(t *testing.T) {
	want := settings.Login{Stage: "prod"}
	if got, err := settings.LoadLogin(lookup(want.Env())); err != nil || got != want {
		t.Errorf("LoadLogin = %+v, %v; want %+v", got, err, want)
	}
	_, err := settings.LoadLogin(lookup(nil))
	if got := places(t, err); !slices.Equal(got, []string{"SLUICE_STAGE"}) {
		t.Errorf("problems at %v", got)
	}
}
