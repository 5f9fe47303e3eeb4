// Package dynamodb plays Amazon DynamoDB: tables, items and conditions of a real engine, npm's dynalite, behind the
// sandbox's signatures, policies, faults and recording.
//
// The engine runs in a process of its own, from the first table on, and listens on a socket in a folder that nobody
// else may enter: there is no way to the tables around the policies. It keeps everything in memory.
//
// What dynalite lacks is kept here: point-in-time recovery and time to live are settings that can be read back
// (nothing can be restored, and no item expires), deletion protection protects, tags count for policies, and a failed
// condition returns the item if the call asks for it.
//
// What differs from AWS:
//   - A table is there when CreateTable answers, and gone when DeleteTable does.
//   - Secondary indexes, streams, transactions, PartiQL, backups, customer keys, table policies and the conditions from
//     before expressions (Expected, AttributeUpdates and their like) are not there, and are refused as not there.
//   - A table is named by its name, not by its ARN.
//   - Of DynamoDB's condition keys policies see dynamodb:LeadingKeys alone, in reads and writes of items and in
//     queries. A scan has no leading key.
package dynamodb

import (
	"context"
	"fmt"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
)

// Config says what the service works with.
type Config struct {
	Clock *clock.Clock
	// NodeModules is the folder in which npm has put dynalite. Where it is missing, CreateTable says so.
	NodeModules string
}

// A Service holds the tables of the account.
type Service struct {
	config Config

	mu     sync.Mutex
	tables map[string]*table
	engine *engine // nil until there is a table
	closed bool

	// writes is held while items change, so that the item which a failed condition returns is the one that failed it.
	writes sync.Mutex
}

// New returns a service without tables. It starts nothing.
func New(c Config) *Service { return &Service{config: c, tables: map[string]*table{}} }

// Close stops the engine and removes what it left. Closing twice does nothing more.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.engine == nil {
		return nil
	}
	e := s.engine
	s.engine, s.tables = nil, map[string]*table{}
	return e.stop()
}

// AWS lists the operations.
func (s *Service) AWS() awshttp.Service {
	return awshttp.Service{
		Name:        "dynamodb",
		Protocol:    awshttp.JSON,
		Target:      "DynamoDB_20120810",
		JSONVersion: "1.0",
		Checksum:    true,
		Internal:    "InternalServerError",
		Invalid:     "ValidationException",
		Operations: map[string]awshttp.Operation{
			"BatchGetItem":              batch(s, batchGetInput.subjects),
			"BatchWriteItem":            batch(s, batchWriteInput.subjects),
			"CreateTable":               s.createTable,
			"DeleteItem":                single(s, deleteItemInput.subject),
			"DeleteTable":               s.deleteTable,
			"DescribeContinuousBackups": s.describeContinuousBackups,
			"DescribeTable":             s.describeTable,
			"DescribeTimeToLive":        s.describeTimeToLive,
			"GetItem":                   single(s, getItemInput.subject),
			"ListTables":                s.listTables,
			"ListTagsOfResource":        s.listTags,
			"PutItem":                   single(s, putItemInput.subject),
			"Query":                     single(s, queryInput.subject),
			"Scan":                      single(s, scanInput.subject),
			"TagResource":               s.tagResource,
			"UntagResource":             s.untagResource,
			"UpdateContinuousBackups":   s.updateContinuousBackups,
			"UpdateItem":                single(s, updateItemInput.subject),
			"UpdateTable":               s.updateTable,
			"UpdateTimeToLive":          s.updateTimeToLive,
		},
	}
}

// running returns the engine, started if it must be. The caller holds s.mu.
func (s *Service) running(ctx context.Context) (*engine, error) {
	if s.closed {
		return nil, fmt.Errorf("start dynalite: the sandbox is closing")
	}
	if s.engine == nil {
		e, err := start(ctx, s.config.NodeModules)
		if err != nil {
			return nil, err
		}
		s.engine = e
	}
	return s.engine, nil
}

// find returns a table and the engine that has it; nil if there is no such table.
func (s *Service) find(name string) (*table, *engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[name]
	if t == nil {
		return nil, nil
	}
	return t, s.engine
}

func invalid(format string, args ...any) error {
	return &awshttp.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &awshttp.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}
