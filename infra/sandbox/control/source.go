package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/sluicehq/sluice/infra/sandbox/source"
)

// authentication is the body of a request that chooses what a source accepts at login.
type authentication struct {
	Authentication source.Authentication `json:"authentication"`
}

// sourceOperations are about source databases: switches, and what statements meet.
func (s Sandbox) sourceOperations() map[string]operation {
	return map[string]operation{
		"GET " + Prefix + "sources/faults":               s.sourceFaults,
		"POST " + Prefix + "sources/faults":              s.addSourceFault,
		"DELETE " + Prefix + "sources/faults":            s.clearSourceFaults,
		"GET " + Prefix + "sources/statements":           s.statements,
		"POST " + Prefix + "sources/{id}/stop":           s.stopSource,
		"POST " + Prefix + "sources/{id}/start":          s.startSource,
		"POST " + Prefix + "sources/{id}/authentication": s.setAuthentication,
	}
}

// needSources refuses where there are no source databases.
func (s Sandbox) needSources() error {
	if s.Sources == nil {
		return errors.New("this sandbox was started without source databases")
	}
	return nil
}

func (s Sandbox) source(r *http.Request) (*source.Source, error) {
	if err := s.needSources(); err != nil {
		return nil, err
	}
	found, err := s.Sources.Find(r.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("control source %q: %w", r.PathValue("id"), err)
	}
	return found, nil
}

func (s Sandbox) stopSource(r *http.Request) (any, error) {
	found, err := s.source(r)
	if err != nil {
		return nil, err
	}
	found.Stop()
	return struct{}{}, nil
}

func (s Sandbox) startSource(r *http.Request) (any, error) {
	found, err := s.source(r)
	if err != nil {
		return nil, err
	}
	found.Start()
	return struct{}{}, nil
}

func (s Sandbox) setAuthentication(r *http.Request) (any, error) {
	var in authentication
	if err := read(r, &in); err != nil {
		return nil, err
	}
	found, err := s.source(r)
	if err != nil {
		return nil, err
	}
	return in, found.SetAuthentication(r.Context(), in.Authentication)
}

func (s Sandbox) sourceFaults(*http.Request) (any, error) {
	if err := s.needSources(); err != nil {
		return nil, err
	}
	return list(s.Sources.Faults().List()), nil
}

func (s Sandbox) addSourceFault(r *http.Request) (any, error) {
	if err := s.needSources(); err != nil {
		return nil, err
	}
	var in source.Fault
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if err := s.Sources.Faults().Add(in); err != nil {
		return nil, err
	}
	return s.sourceFaults(r)
}

func (s Sandbox) clearSourceFaults(r *http.Request) (any, error) {
	if err := s.needSources(); err != nil {
		return nil, err
	}
	s.Sources.Faults().Clear()
	return s.sourceFaults(r)
}

func (s Sandbox) statements(r *http.Request) (any, error) {
	if err := s.needSources(); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	filter := source.Filter{Source: q.Get("source"), User: q.Get("user")}
	if after := q.Get("after"); after != "" {
		var err error
		if filter.After, err = strconv.ParseUint(after, 10, 64); err != nil {
			return nil, fmt.Errorf("after is %q; give the seq of a statement", after)
		}
	}
	return list(s.Sources.Statements(filter)), nil
}
