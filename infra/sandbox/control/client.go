package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A Client controls a running sandbox over HTTP.
type Client struct{ endpoint string }

// NewClient returns a client of the sandbox at endpoint, for example "http://127.0.0.1:4780".
func NewClient(endpoint string) *Client { return &Client{endpoint} }

// Now is the sandbox's time.
func (c *Client) Now(ctx context.Context) (time.Time, error) {
	var out instant
	err := c.do(ctx, http.MethodGet, "clock", nil, nil, &out)
	return out.Now, err
}

// Advance moves the clock forward by d. It returns when everything that fell due on the way has run, in order, and
// has settled.
func (c *Client) Advance(ctx context.Context, d time.Duration) (now time.Time, err error) {
	var out instant
	err = c.do(ctx, http.MethodPost, "clock/advance", nil, distance{d.String()}, &out)
	return out.Now, err
}

// Settle returns when no work is under way in the background: rotations, asynchronous invocations, statements.
func (c *Client) Settle(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "settle", nil, nil, nil)
}

// Faults lists the faults that wait for calls.
func (c *Client) Faults(ctx context.Context) (waiting []awshttp.Fault, err error) {
	err = c.do(ctx, http.MethodGet, "faults", nil, nil, &waiting)
	return waiting, err
}

// AddFault lets f wait for calls.
func (c *Client) AddFault(ctx context.Context, f awshttp.Fault) error {
	return c.do(ctx, http.MethodPost, "faults", nil, f, nil)
}

// ClearFaults removes all faults.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "faults", nil, nil, nil)
}

// Calls lists the recorded calls that f selects, the oldest first.
func (c *Client) Calls(ctx context.Context, f awshttp.Filter) (made []awshttp.Record, err error) {
	query := url.Values{}
	for name, value := range map[string]string{"service": f.Service, "operation": f.Operation, "principal": f.Principal} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if f.After > 0 {
		query.Set("after", strconv.FormatUint(f.After, 10))
	}
	if !f.Since.IsZero() {
		query.Set("since", f.Since.Format(time.RFC3339Nano))
	}
	err = c.do(ctx, http.MethodGet, "calls", query, nil, &made)
	return made, err
}

// ForgetCalls empties the record of calls.
func (c *Client) ForgetCalls(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "calls", nil, nil, nil)
}

// Events lists the last events that were put on a bus, given by name; empty is the default bus.
func (c *Client) Events(ctx context.Context, bus string) (put []Event, err error) {
	query := url.Values{}
	if bus != "" {
		query.Set("bus", bus)
	}
	err = c.do(ctx, http.MethodGet, "events", query, nil, &put)
	return put, err
}

// Logs returns the last lines of a function's output.
func (c *Client) Logs(ctx context.Context, function string) (lines []string, err error) {
	err = c.do(ctx, http.MethodGet, "logs", url.Values{"function": {function}}, nil, &lines)
	return lines, err
}

// SetStatus puts a cluster into a state at once, for example "paused" or "available".
func (c *Client) SetStatus(ctx context.Context, cluster, status string) error {
	return c.do(ctx, http.MethodPost, "clusters/"+url.PathEscape(cluster)+"/status", nil, clusterStatus{status}, nil)
}

// Messages lists what waits in a queue, given by name, the oldest first, whether or not somebody works on it. Looking does
// not count as receiving.
func (c *Client) Messages(ctx context.Context, queue string) (waiting []Message, err error) {
	err = c.do(ctx, http.MethodGet, "queues/"+url.PathEscape(queue), nil, nil, &waiting)
	return waiting, err
}

// Resources lists what was deployed.
func (c *Client) Resources(ctx context.Context) (Deployed, error) {
	var out Deployed
	err := c.do(ctx, http.MethodGet, "resources", nil, nil, &out)
	return out, err
}

// World describes the sandbox.
func (c *Client) World(ctx context.Context) (World, error) {
	var out World
	err := c.do(ctx, http.MethodGet, "world", nil, nil, &out)
	return out, err
}

// do sends one request; in and out may be nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("sandbox %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+Prefix+path+"?"+query.Encode(), body)
	if err != nil {
		return fmt.Errorf("sandbox %s %s: %w", method, path, err)
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("sandbox %s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var refused refusal
		_ = json.NewDecoder(response.Body).Decode(&refused) // without a text, the status has to do
		return fmt.Errorf("sandbox %s %s: %s: %s", method, path, response.Status, refused.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("sandbox %s %s: read the answer: %w", method, path, err)
	}
	return nil
}
