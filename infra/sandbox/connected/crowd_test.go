package connected_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluicehq/sluice/infra/sandbox/world"
)

// together starts n of them at once, and returns their errors by text with how many there are of each.
func together(n int, do func() error) map[string]int {
	var all sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	start := make(chan struct{})
	for range n {
		all.Go(func() {
			<-start
			if err := do(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[err.Error()]++
			}
		})
	}
	close(start)
	all.Wait()
	return failed
}

// A crowd that finds no lease asks for one.
func TestThousandConnectionsAtOnceAskOnce(t *testing.T) {
	const crowd = 1000
	s := begin(t)
	gate := s.gate(s.Warehouse.Port(), 40) // PostgreSQL takes 100
	c := must(s.connector(s.cluster(s.operatorKey(), map[string]string{"Port": gate.port(), "ConnectTimeout": "300"})))
	var waiting atomic.Int64
	everybody := make(chan struct{})
	s.wire.onAnswer(mint, func(question) { <-everybody })
	before := s.last()
	failed := together(crowd, func() error {
		if waiting.Add(1) == crowd {
			close(everybody)
		}
		return connect(t.Context(), c)
	})
	if len(failed) > 0 {
		t.Errorf("connections that failed: %v", failed)
	}
	if calls := operations(s.calls(before)); !slices.Equal(calls, []string{mint}) {
		t.Errorf("%v were called", calls)
	}
	if n := gate.came.Load(); n != crowd {
		t.Errorf("%d connections came to the warehouse", n)
	}
}

// Everything that is found out before the first connection is found out once.
func TestCrowdFindsOutOnce(t *testing.T) {
	s := begin(t)
	_, arn := s.role(trustAccount, allow("*", "*"))
	s.authProfile("App", `{"IAM": true, "ClusterID": "examplecluster", "DbUser": "temp_creds_user", "DB": "exampledb"}`)
	c := must(s.connector(s.profiled(s.operatorKey(), map[string]string{"RoleArn": arn})))
	before := s.last()
	if failed := together(60, func() error { return connect(t.Context(), c) }); len(failed) > 0 {
		t.Errorf("connections that failed: %v", failed)
	}
	if calls := operations(s.calls(before)); !slices.Equal(calls, []string{readProfiles, "AssumeRole", mint, "DescribeClusters"}) {
		t.Errorf("%v were called", calls)
	}
}

// A refusal is told to all who wait for it, from one call.
func TestCrowdIsRefusedOnce(t *testing.T) {
	s := begin(t)
	s.freeze() // a second after a refusal AWS is asked again
	_, key := s.user()
	c := must(s.connector(s.cluster(keyOf(key))))
	before := s.last()
	failed := together(200, func() error { return connect(t.Context(), c) })
	for text, n := range failed {
		if n != 200 || !strings.Contains(text, "redshift:GetClusterCredentials") || !strings.Contains(text, world.User) {
			t.Errorf("%d were told %s", n, text)
		}
	}
	if n := s.count(before, mint); n != 1 || len(failed) != 1 {
		t.Errorf("%d logins were asked for, with %d answers", n, len(failed))
	}
}
