package source

import (
	"regexp"
	"strings"
	"sync"
	"time"
)

// keptStatements bounds the memory of a recorder.
const keptStatements = 20_000

// A Statement is one that came through a front, whether it succeeded or not.
type Statement struct {
	Seq    uint64    `json:"seq"` // 1 for the first one since the start
	Time   time.Time `json:"time"`
	Source string    `json:"source"`
	User   string    `json:"user"`
	Text   string    `json:"text"`            // as it came, without what follows the word PASSWORD; parameters stay $1, $2, …
	Fault  Kind      `json:"fault,omitempty"` // injected
}

// A Filter selects statements. Its zero value selects all; an empty field selects everything.
type Filter struct {
	After  uint64 // sequence number: only later statements
	Source string
	User   string
}

// Statements returns those of the last 20,000 statements that f selects, the oldest first.
func (s *Service) Statements(f Filter) []Statement { return s.record.list(f) }

// Last is the sequence number of the latest statement: a test lists what came after it.
func (s *Service) Last() uint64 { return s.record.last() }

type recorder struct {
	mu   sync.Mutex
	seq  uint64
	kept []Statement
}

func (r *recorder) add(s Statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	s.Seq = r.seq
	if len(r.kept) == keptStatements {
		r.kept = append(r.kept[:0:0], r.kept[keptStatements/2:]...) // rarely, so that most additions cost nothing
	}
	r.kept = append(r.kept, s)
}

func (r *recorder) last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

func (r *recorder) list(f Filter) (found []Statement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.kept {
		if s.Seq > f.After && (f.Source == "" || f.Source == s.Source) && (f.User == "" || f.User == s.User) {
			found = append(found, s)
		}
	}
	return found
}

var (
	passwordWord = regexp.MustCompile(`(?i)PASSWORD`)
	// plainLiteral is a literal without anything that needs thought, after the word.
	plainLiteral = regexp.MustCompile(`^\s+'[^'\\]*'`)
)

// redact takes away what follows the word PASSWORD: the literal if it is a plain one, and in any case everything from
// the next quote on. What is lost of an innocent statement does not matter.
func redact(text string) string {
	at := passwordWord.FindStringIndex(text)
	if at == nil {
		return text
	}
	kept, rest := text[:at[1]], text[at[1]:]
	if strings.Contains(kept, "$") || strings.Count(kept, "'")%2 == 1 { // inside of a literal: what is quoted here cannot be told
		return kept + " …"
	}
	if literal := plainLiteral.FindString(rest); literal != "" {
		kept, rest = kept+" '…'", rest[len(literal):]
	}
	if quote := strings.IndexAny(rest, "'$"); quote >= 0 {
		rest = rest[:quote] + "…"
	}
	return kept + rest
}
