package logintest

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A session is one connection after TLS.
type session struct {
	endpoint   *Endpoint
	wire       *pgproto3.Backend
	statements map[string]string // text of the prepared ones, by name
	failed     bool              // an error was sent; what follows is skipped up to the next Sync
}

func (s *session) send(messages ...pgproto3.BackendMessage) error {
	for _, m := range messages {
		s.wire.Send(m)
	}
	return s.wire.Flush()
}

// note changes the endpoint's records.
func (s *session) note(change func(e *Endpoint)) {
	s.endpoint.mu.Lock()
	defer s.endpoint.mu.Unlock()
	change(s.endpoint)
}

// logIn asks for the password and says whether it lets the client in.
func (s *session) logIn() bool {
	startup, err := s.wire.ReceiveStartupMessage()
	hello, ok := startup.(*pgproto3.StartupMessage)
	if err != nil || !ok || s.send(&pgproto3.AuthenticationCleartextPassword{}) != nil || s.wire.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return false
	}
	message, err := s.wire.Receive()
	password, ok := message.(*pgproto3.PasswordMessage)
	if err != nil || !ok {
		return false
	}
	login := Login{maps.Clone(hello.Parameters), password.Password}
	s.note(func(e *Endpoint) { e.logins = append(e.logins, login) })
	refusal := s.endpoint.Refuse
	if s.endpoint.Judge != nil {
		refusal = s.endpoint.Judge(login)
	}
	if refusal != nil {
		_ = s.send(refusal)
		return false
	}
	welcome := []pgproto3.BackendMessage{&pgproto3.AuthenticationOk{}}
	for _, name := range slices.Sorted(maps.Keys(s.endpoint.Reports)) {
		welcome = append(welcome, &pgproto3.ParameterStatus{Name: name, Value: s.endpoint.Reports[name]})
	}
	return s.send(append(welcome, &pgproto3.BackendKeyData{SecretKey: []byte{0, 0, 0, 0}}, ready)...) == nil
}

var ready = &pgproto3.ReadyForQuery{TxStatus: 'I'}

// talk answers queries in both protocols until the client goes, or asks what there is no answer for.
func (s *session) talk() {
	for {
		message, err := s.wire.Receive()
		if err != nil || !s.answer(message) {
			return
		}
	}
}

func (s *session) answer(message pgproto3.FrontendMessage) bool {
	if s.failed {
		if _, ok := message.(*pgproto3.Sync); !ok {
			return true
		}
	}
	e := s.endpoint
	switch m := message.(type) {
	case *pgproto3.Query:
		if m.String == ping {
			return s.send(&pgproto3.EmptyQueryResponse{}, ready) == nil
		}
		q := Query{SQL: m.String, Simple: true}
		s.note(func(e *Endpoint) { e.queries = append(e.queries, q) })
		return e.Answer != nil && s.send(slices.Concat(e.Answer, []pgproto3.BackendMessage{ready})...) == nil
	case *pgproto3.Parse:
		s.statements[m.Name] = m.Query
		if name := m.Name; name != "" {
			s.note(func(e *Endpoint) { e.prepared = append(e.prepared, name) })
		}
		s.wire.Send(&pgproto3.ParseComplete{})
		return e.Answer != nil
	case *pgproto3.Describe:
		s.describe(m)
	case *pgproto3.Bind:
		s.bind(m)
	case *pgproto3.Execute:
		s.execute()
	case *pgproto3.Close:
		if name := m.Name; m.ObjectType == 'S' {
			delete(s.statements, name)
			s.note(func(e *Endpoint) {
				e.prepared = slices.DeleteFunc(e.prepared, func(p string) bool { return p == name })
			})
		}
		s.wire.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Sync:
		s.failed = false
		return s.send(ready) == nil
	case *pgproto3.Flush:
		return s.wire.Flush() == nil
	default: // the client says goodbye
		return false
	}
	return true
}

// ping is what pgx asks to see whether the server is there.
const ping = "-- ping"
