package connected_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// A pool that opens connections all the time does not notice that logins end: over three lives of one no query fails, and each login
// serves until late in its life.
func TestSoak(t *testing.T) {
	const (
		workers = 10
		life    = 15 * time.Minute // of a login
		step    = 30 * time.Second // less than what a login must have left to be used
		steps   = int(3*life/step) + 2
	)
	s := begin(t)
	before := s.last()
	db, err := s.open(s.cluster(s.operatorKey(), map[string]string{"IAMDuration": "900"}))
	if err != nil {
		t.Fatal(err)
	}
	old, err := db.Conn(t.Context()) // stays open
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	db.SetMaxIdleConns(-1) // every query has a connection of its own

	work, done := make(chan struct{}), make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range work {
				done <- book.heard(query(t.Context(), db))
			}
		})
	}
	queries, asked := 0, []int(nil) // logins asked for until the end of each step
	for i := range steps {
		// The clock moves while they log in: each has a query to make, and it moves once for each.
		for range workers {
			work <- struct{}{}
		}
		s.Clock.Advance(step)
		for range workers {
			if err := <-done; err != nil {
				t.Errorf("after %s: %v", time.Duration(i)*step, err)
			}
			queries++
		}
		asked = append(asked, s.count(before, mint))
	}
	close(work)
	all.Wait()

	if opened := db.Stats().MaxIdleClosed; opened < int64(queries) {
		t.Errorf("%d queries had %d connections; want one each", queries, opened)
	}
	// A login lives at least three quarters of its life before the next is asked for, and never all of it.
	total := time.Duration(steps) * step
	if n, least, most := s.count(before, mint), int(total/life)+1, int(total/(life*3/4))+1; n < least || n > most {
		t.Errorf("in %s %d logins were asked for; want %d to %d: %v", total, n, least, most, asked)
	}
	if err := query(t.Context(), old); err != nil {
		t.Errorf("a session that is older than three logins: %v", err)
	}
}

// query asks who is logged in.
func query(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) error {
	var user string
	if err := db.QueryRowContext(ctx, "SELECT current_user::text").Scan(&user); err != nil {
		return err
	}
	if user != world.User {
		return fmt.Errorf("logged in as %s", user)
	}
	return nil
}
