package sqs

import (
	"cmp"
	"errors"
	"regexp"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxBatch is how many entries a batch may have.
const maxBatch = 10

var entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// A batchResult says which entries of a batch went well.
type batchResult[T any] struct {
	Successful []T           `json:",omitempty"`
	Failed     []failedEntry `json:",omitempty"`
}

type failedEntry struct {
	Id          string
	SenderFault bool
	Code        string
	Message     string
}

// doneEntry is an entry that went well and of which there is nothing more to tell.
type doneEntry struct{ Id string }

// checkBatch refuses a batch as a whole. kind is the type of the entries in the service model.
func checkBatch(kind string, ids []string) error {
	switch {
	case len(ids) == 0:
		return refuse("EmptyBatchRequest", "There should be at least one %s in the request.", kind)
	case len(ids) > maxBatch:
		return refuse("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !entryID.MatchString(id) {
			return refuse("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return refuse("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// add notes what came of an entry.
func (r *batchResult[T]) add(id string, done T, err error) {
	if err == nil {
		r.Successful = append(r.Successful, done)
		return
	}
	f := failedEntry{Id: id, SenderFault: true, Code: "InternalError", Message: err.Error()}
	if e, ok := errors.AsType[*awshttp.Error](err); ok {
		f.Code, f.Message = cmp.Or(queryErrors[e.Code], e.Code), e.Message
	}
	r.Failed = append(r.Failed, f)
}
