package uuid_test

import (
	"regexp"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/uuid"
)

var version4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestNew(t *testing.T) {
	one, other := uuid.New(), uuid.New()
	if !version4.MatchString(one) || !version4.MatchString(other) || one == other {
		t.Errorf("New() = %q, then %q; want two random UUIDs", one, other)
	}
}
