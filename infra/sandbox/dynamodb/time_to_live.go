package dynamodb

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// timeToLive is the setting. Items stay whatever it says; DynamoDB too may take days to remove one.
type timeToLive struct {
	AttributeName string `aws:"required"`
	Enabled       *bool  `aws:"required"`
}

func (s *Service) updateTimeToLive(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		TableName               string     `aws:"required"`
		TimeToLiveSpecification timeToLive `aws:"required"`
	}
	t, _, err := s.open(call, &in, &in.TableName, noTable)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	want := in.TimeToLiveSpecification
	switch {
	case *want.Enabled && t.expires != "":
		return nil, invalid("TimeToLive is already enabled")
	case !*want.Enabled && t.expires == "":
		return nil, invalid("TimeToLive is already disabled")
	case !*want.Enabled && t.expires != want.AttributeName:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.expires)
	}
	t.expires = ""
	if *want.Enabled {
		t.expires = want.AttributeName
	}
	return struct{ TimeToLiveSpecification timeToLive }{want}, nil
}

func (s *Service) describeTimeToLive(_ context.Context, call *awshttp.Call) (any, error) {
	var in tableInput
	t, _, err := s.open(call, &in, &in.TableName, noTable)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out struct {
		TimeToLiveDescription struct {
			TimeToLiveStatus string
			AttributeName    string `json:",omitempty"`
		}
	}
	out.TimeToLiveDescription.TimeToLiveStatus = "DISABLED"
	if t.expires != "" {
		out.TimeToLiveDescription.TimeToLiveStatus, out.TimeToLiveDescription.AttributeName = "ENABLED", t.expires
	}
	return out, nil
}
