package dynamodb

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A table is what is known of one beside the engine. The service's lock guards what may change.
type table struct {
	name string
	key  []string // attributes that name an item, the partition key first

	encrypted bool // with a key of KMS and not of DynamoDB's own
	protected bool
	tags      map[string]string
	backups   backups
	expires   string // the attribute of its time to live; empty if that is off
}

// pollEvery is the pause before the engine is asked again whether it has finished with a table.
const pollEvery = 2 * time.Millisecond

type encryption struct {
	Enabled *bool
	SSEType *string
}

func (e *encryption) on() bool { return e != nil && e.Enabled != nil && *e.Enabled }

type createTableInput struct {
	TableName            string `aws:"required"`
	AttributeDefinitions []struct {
		AttributeName string `aws:"required"`
		AttributeType string `aws:"required"`
	} `aws:"required"`
	KeySchema []struct {
		AttributeName string `aws:"required"`
		KeyType       string `aws:"required"`
	} `aws:"required"`
	BillingMode           *string `json:",omitempty"`
	ProvisionedThroughput *struct {
		ReadCapacityUnits, WriteCapacityUnits int64
	} `json:",omitempty"`

	SSESpecification          *encryption `json:"SSESpecification,omitempty"`
	DeletionProtectionEnabled *bool       `json:",omitempty"`
	Tags                      []tag       `json:",omitempty"`
}

func (s *Service) createTable(ctx context.Context, call *awshttp.Call) (any, error) {
	var in createTableInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(s.access(nil, in.TableName, "CreateTable", tagKeys(in.Tags))); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		if err := call.Authorize(s.access(nil, in.TableName, "TagResource", tagKeys(in.Tags))); err != nil {
			return nil, err
		}
	}
	t := &table{name: in.TableName, encrypted: in.SSESpecification.on(), tags: map[string]string{}}
	t.protected = in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled
	if err := t.tag(in.Tags); err != nil {
		return nil, err
	}
	for _, kind := range []string{"HASH", "RANGE"} {
		for _, k := range in.KeySchema {
			if k.KeyType == kind {
				t.key = append(t.key, k.AttributeName)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[t.name] != nil {
		return nil, &awshttp.Error{Code: "ResourceInUseException", Message: "Table already exists: " + t.name}
	}
	e, err := s.running(ctx)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // half a table would be nobody's
	in.SSESpecification, in.DeletionProtectionEnabled, in.Tags = nil, nil, nil
	out, err := e.ask(ctx, "CreateTable", in)
	if err != nil {
		return nil, err
	}
	if err := e.settle(ctx, t.name); err != nil {
		return nil, err
	}
	s.tables[t.name] = t
	return t.complete(out, "TableDescription"), nil
}

// settle waits until the engine has made a table or removed it, whichever it is doing.
func (e *engine) settle(ctx context.Context, table string) error {
	for {
		out, err := e.ask(ctx, "DescribeTable", map[string]any{"TableName": table})
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		is, _ := out["Table"].(map[string]any)
		if is["TableStatus"] == "ACTIVE" {
			return nil
		}
		select {
		case <-time.After(pollEvery):
		case <-e.exited:
			return e.lost("DescribeTable", context.Canceled)
		}
	}
}

// complete adds to a description of the engine's what it does not know.
func (t *table) complete(out map[string]any, member string) map[string]any {
	is, ok := out[member].(map[string]any)
	if !ok {
		return out
	}
	is["DeletionProtectionEnabled"] = t.protected
	if t.encrypted {
		is["SSEDescription"] = map[string]any{"Status": "ENABLED", "SSEType": "KMS"}
	}
	return out
}

type tableInput struct {
	TableName string `aws:"required"`
}

// open decodes a call on one table, asks for it and finds the table.
func (s *Service) open(call *awshttp.Call, into any, name *string, missing func(string) error) (*table, *engine, error) {
	if err := call.Decode(into); err != nil {
		return nil, nil, err
	}
	t, e := s.find(*name)
	if err := call.Authorize(s.access(t, *name, call.Operation, nil)); err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, missing(*name)
	}
	return t, e, nil
}

func noTable(name string) error {
	return notFound("Requested resource not found: Table: %s not found", name)
}

func (s *Service) describeTable(ctx context.Context, call *awshttp.Call) (any, error) {
	var in tableInput
	t, e, err := s.open(call, &in, &in.TableName, noTable)
	if err != nil {
		return nil, err
	}
	out, err := e.pass(ctx, "DescribeTable", call.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.complete(out, "Table"), nil
}

func (s *Service) deleteTable(ctx context.Context, call *awshttp.Call) (any, error) {
	var in tableInput
	t, e, err := s.open(call, &in, &in.TableName, noTable)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tables[t.name] != t { // while the policies were asked
		return nil, noTable(t.name)
	}
	if t.protected {
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	ctx = context.WithoutCancel(ctx)
	out, err := e.pass(ctx, "DeleteTable", call.Body)
	if err != nil {
		return nil, err
	}
	delete(s.tables, t.name)
	return t.complete(out, "TableDescription"), e.settle(ctx, t.name)
}

func (s *Service) listTables(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ExclusiveStartTableName *string
		Limit                   *int64
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "dynamodb:ListTables", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	if e == nil {
		return map[string]any{"TableNames": []any{}}, nil
	}
	out, err := e.pass(ctx, "ListTables", call.Body)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// updateTable changes what the engine does not know. Its other members are refused as not there.
func (s *Service) updateTable(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		TableName                 string `aws:"required"`
		DeletionProtectionEnabled *bool
		SSESpecification          *encryption
	}
	t, e, err := s.open(call, &in, &in.TableName, noTable)
	if err != nil {
		return nil, err
	}
	if in.DeletionProtectionEnabled == nil && in.SSESpecification == nil {
		return nil, invalid("At least one of DeletionProtectionEnabled and SSESpecification is required: the sandbox updates nothing else")
	}
	out, err := e.ask(ctx, "DescribeTable", map[string]any{"TableName": t.name})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.DeletionProtectionEnabled != nil {
		t.protected = *in.DeletionProtectionEnabled
	}
	if in.SSESpecification != nil {
		t.encrypted = in.SSESpecification.on()
	}
	return map[string]any{"TableDescription": t.complete(out, "Table")["Table"]}, nil
}
