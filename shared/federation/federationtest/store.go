package federationtest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
)

type store struct{ w *World }

// copyOf is a record as it comes back from JSON.
func copyOf(r federation.Record) federation.Record {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	out := federation.Record{Version: r.Version}
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}

func (s store) Get(ctx context.Context, name string) (federation.Record, bool, time.Time, error) {
	found := false
	r, err := do(ctx, s.w, "store", "Get", name, false, func() (federation.Record, error) {
		r, ok := s.w.Records[name]
		found = ok
		return copyOf(r), nil
	})
	return r, found && err == nil, s.w.now, err
}

func (s store) Put(ctx context.Context, r federation.Record) (int64, error) {
	return do(ctx, s.w, "store", "Put", r.Name, true, func() (int64, error) {
		if s.w.Records[r.Name].Version != r.Version {
			return 0, refuse(fault.Retry, federation.Conflict, "store record", r.Name)
		}
		s.w.versions++
		r.Version = s.w.versions
		s.w.Records[r.Name] = copyOf(r)
		return r.Version, nil
	})
}

func (s store) List(ctx context.Context) ([]federation.Record, error) {
	return do(ctx, s.w, "store", "List", "", false, func() ([]federation.Record, error) {
		var out []federation.Record
		for _, name := range slices.Sorted(maps.Keys(s.w.Records)) {
			out = append(out, copyOf(s.w.Records[name]))
		}
		return out, nil
	})
}

func (s store) Enlist(ctx context.Context, cluster string, c federation.RoleChange) (federation.RoleChange, error) {
	return do(ctx, s.w, "store", "Enlist", cluster, true, func() (federation.RoleChange, error) {
		is := s.w.Listed[cluster]
		is.Add, is.Remove = with(is.Add, c.Add), with(is.Remove, c.Remove)
		s.w.Listed[cluster] = is
		return federation.RoleChange{Add: slices.Clone(is.Add), Remove: slices.Clone(is.Remove)}, nil
	})
}

func (s store) Delist(ctx context.Context, cluster string, c federation.RoleChange) error {
	return act(ctx, s.w, "store", "Delist", cluster, func() error {
		is := s.w.Listed[cluster]
		is.Add, is.Remove = without(is.Add, c.Add), without(is.Remove, c.Remove)
		s.w.Listed[cluster] = is
		return nil
	})
}

func with(set, more []string) []string {
	out := append(slices.Clone(set), more...)
	slices.Sort(out)
	return slices.Compact(out)
}

func without(set, less []string) []string {
	return slices.DeleteFunc(slices.Clone(set), func(e string) bool { return slices.Contains(less, e) })
}
