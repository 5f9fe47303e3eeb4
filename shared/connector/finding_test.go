package connector

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
)

func TestAFindingIsFoundOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := finding[int]{what: "the answer"}
		looks := 0
		look := func(context.Context) (*int, error) {
			looks++
			time.Sleep(time.Second)
			return new(42), nil
		}
		for range 100 {
			go func() {
				if n, err := f.get(t.Context(), look); err != nil || *n != 42 {
					t.Errorf("%v, %v", n, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		n, _ := f.get(t.Context(), look)
		if looks != 1 {
			t.Errorf("looked %d times", looks)
		}
		f.swap(new(42), nil) // another one
		if _, err := f.get(t.Context(), look); err != nil || looks != 1 {
			t.Errorf("looked %d times after somebody forgot what is not known, %v", looks, err)
		}
		f.swap(n, nil)
		if _, err := f.get(t.Context(), look); err != nil || looks != 2 {
			t.Errorf("looked %d times after it was forgotten, %v", looks, err)
		}
	})
}

func TestAFailureRestsForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f finding[int]
		looks := 0
		refused := errors.New("refused")
		ask := func() {
			if _, err := f.get(t.Context(), func(context.Context) (*int, error) { looks++; return nil, refused }); !errors.Is(err, refused) {
				t.Error(err)
			}
		}
		for range 50 {
			ask()
		}
		if looks != 1 {
			t.Errorf("looked %d times within the second", looks)
		}
		time.Sleep(findRest)
		ask()
		if looks != 2 {
			t.Errorf("looked %d times after it", looks)
		}
	})
}

// A function that was frozen in the middle of a search does not wait for the dead connection of before.
func TestASearchFromLongAgoIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f finding[int]
		frozen := make(chan struct{})
		first := make(chan error)
		go func() {
			_, err := f.get(t.Context(), func(context.Context) (*int, error) { <-frozen; return nil, errors.New("connection reset") })
			first <- err
		}()
		synctest.Wait()
		time.Sleep(findTimeout + time.Second)
		if n, err := f.get(t.Context(), func(context.Context) (*int, error) { return new(1), nil }); err != nil || *n != 1 {
			t.Errorf("%v, %v; want one of its own", n, err)
		}
		close(frozen)
		if err := <-first; fault.ReasonOf(err) != awserror.Unavailable || fault.FixOf(err) == "" {
			t.Errorf("%v; want that it took too long", err)
		}
		if n, err := f.get(t.Context(), nil); err != nil || *n != 1 {
			t.Errorf("the late failure counts: %v, %v", n, err)
		}
	})
}

// Where a person is asked, an attempt waits for the person.
func TestASearchLastsAsLongAsItMay(t *testing.T) {
	for limit, says := range map[time.Duration]string{0: "within 30s", 2 * time.Minute: "the MFA device"} {
		synctest.Test(t, func(t *testing.T) {
			f := finding[int]{limit: limit}
			began := time.Now()
			_, err := f.get(t.Context(), func(ctx context.Context) (*int, error) { <-ctx.Done(); return nil, ctx.Err() })
			if took := time.Since(began); took != cmp.Or(limit, findTimeout) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), took.String()) {
				t.Errorf("limit %s: after %s %v", limit, took, err)
			}
			looks := 0
			time.Sleep(findRest)
			for range 2 { // who comes late shares it
				go func() {
					_, _ = f.get(t.Context(), func(context.Context) (*int, error) { looks++; time.Sleep(cmp.Or(limit, findTimeout)); return nil, nil })
				}()
				time.Sleep(cmp.Or(limit, findTimeout) - time.Second)
			}
			synctest.Wait()
			if looks != 1 {
				t.Errorf("limit %s: %d looks at once", limit, looks)
			}
			time.Sleep(time.Minute)
		})
	}
}

func TestWhereTheWarehouseIsIsLookedForAsLong(t *testing.T) {
	c := newConnector(Properties{}, newOptions([]Option{WithMFAToken(func() (string, error) { return "123456", nil })}))
	if a, b := c.settled.bound(), c.looked.bound(); a != findTimeout+askTimeout || a != b {
		t.Errorf("%s for settings and %s for the warehouse", a, b)
	}
}

func TestWhoeverWaitsHearsWhyItsContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f finding[int]
		shutdown := errors.New("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(shutdown)
		_, err := f.get(ctx, func(context.Context) (*int, error) { time.Sleep(time.Second); return new(1), nil })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, shutdown) {
			t.Errorf("%v; want both that it was cancelled and why", err)
		}
		if n, err := f.get(t.Context(), nil); err != nil || *n != 1 {
			t.Errorf("the search did not go on: %v, %v", n, err)
		}
	})
}

func TestASearchWhoseGoroutineEndsIsAnError(t *testing.T) {
	var f finding[int]
	if _, err := f.get(t.Context(), func(context.Context) (*int, error) { runtime.Goexit(); return nil, nil }); !errors.Is(err, errGone) {
		t.Error(err)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	var f finding[int]
	if _, err := f.get(t.Context(), func(context.Context) (*int, error) { panic("of the program's own") }); err == nil || !strings.Contains(err.Error(), "of the program's own") {
		t.Error(err)
	}
}
