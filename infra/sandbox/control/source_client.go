package control

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicehq/sluice/infra/sandbox/source"
)

// StopSource ends all sessions of a source database, given by its identifier, and lets it take no new ones.
func (c *Client) StopSource(ctx context.Context, identifier string) error {
	return c.do(ctx, http.MethodPost, "sources/"+url.PathEscape(identifier)+"/stop", nil, nil, nil)
}

// StartSource lets a source database that was stopped take sessions again.
func (c *Client) StartSource(ctx context.Context, identifier string) error {
	return c.do(ctx, http.MethodPost, "sources/"+url.PathEscape(identifier)+"/start", nil, nil, nil)
}

// SetAuthentication chooses what a source database accepts at login.
func (c *Client) SetAuthentication(ctx context.Context, identifier string, method source.Authentication) error {
	return c.do(ctx, http.MethodPost, "sources/"+url.PathEscape(identifier)+"/authentication", nil, authentication{method}, nil)
}

// SourceFaults lists the faults that wait for statements.
func (c *Client) SourceFaults(ctx context.Context) (waiting []source.Fault, err error) {
	err = c.do(ctx, http.MethodGet, "sources/faults", nil, nil, &waiting)
	return waiting, err
}

// AddSourceFault lets f wait for statements.
func (c *Client) AddSourceFault(ctx context.Context, f source.Fault) error {
	return c.do(ctx, http.MethodPost, "sources/faults", nil, f, nil)
}

// ClearSourceFaults removes all faults that wait for statements.
func (c *Client) ClearSourceFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "sources/faults", nil, nil, nil)
}

// Statements lists the recorded statements that f selects, the oldest first.
func (c *Client) Statements(ctx context.Context, f source.Filter) (run []source.Statement, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"source": f.Source, "user": f.User} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.After > 0 {
		query.Set("after", strconv.FormatUint(f.After, 10))
	}
	err = c.do(ctx, http.MethodGet, "sources/statements", query, nil, &run)
	return run, err
}
