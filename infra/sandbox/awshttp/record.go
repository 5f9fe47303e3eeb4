package awshttp

import (
	"errors"
	"sync"
	"time"
)

// keptCalls bounds the memory of a [Recorder]; about four rotations for each of a thousand consumers.
const keptCalls = 50_000

// A Record is one call that was made. It has neither input nor output: a secret must not get in.
type Record struct {
	Seq       uint64        `json:"seq"` // 1 for the first call since the start
	Time      time.Time     `json:"time"`
	Principal string        `json:"principal"` // ARN or service; empty if the signature was refused, or nothing told who calls
	Service   string        `json:"service"`
	Operation string        `json:"operation"`
	Accesses  []AskedAccess `json:"accesses,omitempty"`
	Code      string        `json:"code,omitempty"`  // of the error that was answered; empty if it succeeded
	Fault     Kind          `json:"fault,omitempty"` // injected
	RequestID string        `json:"requestId"`
}

// An AskedAccess is one question that an operation put to the policies.
type AskedAccess struct {
	Action   string              `json:"action"`
	Resource string              `json:"resource"`
	Context  map[string][]string `json:"context,omitempty"`
	Allowed  bool                `json:"allowed"`
}

// A Filter selects records. Its zero value selects all; an empty field selects everything.
type Filter struct {
	After     uint64 // sequence number: only later calls
	Since     time.Time
	Principal string
	Service   string
	Operation string
}

// A Recorder keeps the last 50,000 calls. Its methods may be called from several goroutines.
type Recorder struct {
	mu     sync.Mutex
	seq    uint64
	ring   []Record
	oldest int // index in ring
}

// List returns the records that f selects, the oldest first.
func (c *Recorder) List(f Filter) []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Record
	for i := range c.ring {
		r := c.ring[(c.oldest+i)%len(c.ring)]
		if f.selects(r) {
			found = append(found, r)
		}
	}
	return found
}

func (f Filter) selects(r Record) bool {
	return r.Seq > f.After && !r.Time.Before(f.Since) &&
		(f.Principal == "" || f.Principal == r.Principal) &&
		(f.Service == "" || f.Service == r.Service) &&
		(f.Operation == "" || f.Operation == r.Operation)
}

// Last is the sequence number of the latest call: a test lists what came after it.
func (c *Recorder) Last() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq
}

// Reset forgets all records. Sequence numbers go on.
func (c *Recorder) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring, c.oldest = nil, 0
}

func (c *Recorder) add(call *Call, asked []AskedAccess, err error, kind Kind) {
	r := Record{Time: call.Time, Principal: call.Principal.String(), Service: call.Service, Operation: call.Operation,
		Accesses: asked, Code: codeOf(err), Fault: kind, RequestID: call.RequestID}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	r.Seq = c.seq
	if len(c.ring) < keptCalls {
		c.ring = append(c.ring, r)
		return
	}
	c.ring[c.oldest] = r
	c.oldest = (c.oldest + 1) % keptCalls
}

// codeOf names an outcome.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if answered, ok := errors.AsType[*Error](err); ok {
		return answered.Code
	}
	if errors.Is(err, ErrConnectionLost) {
		return "ConnectionLost"
	}
	return "InternalFailure"
}
