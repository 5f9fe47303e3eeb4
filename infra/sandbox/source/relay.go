package source

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	farewell = time.Second // for a client to read why its session ends
	// nowhere is a cursor that nobody has. To refuse a statement, the server is asked for it instead: its error comes
	// in the right place among the answers and fails the transaction, and only its words are changed.
	nowhere      = "sluice_sandbox_refuses"
	noSuchCursor = "34000"
)

// A relay passes messages between a client and the server, and counts statements on the way.
type relay struct {
	source *Source
	client *client
	server net.Conn

	// Of the client's side alone: the texts of prepared statements and of portals by name. Statements that SQL's
	// PREPARE made are not among them; their EXECUTE is a text of its own.
	prepared, portals map[string]string

	deadly bool // the client is killed once the last statement has run; set before that is passed on

	mu     sync.Mutex
	asked  int // messages so far that the server ends with ReadyForQuery
	ready  int // ReadyForQuery so far; the one after login makes it 0
	silent int // if it is not 0, nothing is told to the client any more, and the connection ends when ready comes to it
}

func newRelay(s *Source, c *client, server net.Conn) *relay {
	return &relay{source: s, client: c, server: server, prepared: map[string]string{}, portals: map[string]string{}, ready: -1}
}

// run passes messages until either side hangs up or a fault ends the connection.
func (r *relay) run() {
	defer r.server.Close()
	if _, err := r.server.Write(startupFrame(r.client.startup)); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		if r.fromClient() { // what it has begun runs to its end
			return
		}
		_ = r.server.Close()
	})
	both.Go(func() {
		r.fromServer()
		_ = r.server.Close()
		_ = r.client.conn.Close()
	})
	both.Wait()
}

// fromClient passes the client's messages on until one is to be the last. It reports whether the server shall finish.
func (r *relay) fromClient() (finish bool) {
	for {
		f, err := readFrame(r.client.conn)
		if err != nil {
			return false
		}
		switch f.kind() {
		case typeParse:
			var m pgproto3.Parse
			if m.Decode(f.body()) == nil {
				r.prepared[m.Name] = m.Query
			}
		case typeBind:
			var m pgproto3.Bind
			if m.Decode(f.body()) == nil {
				r.portals[m.DestinationPortal] = r.prepared[m.PreparedStatement]
			}
		case typeQuery:
			text, _, _ := strings.Cut(string(f.body()), "\x00")
			if done, finish := r.statement(f, text); done {
				return finish
			}
			continue
		case typeExecute:
			name, _, _ := bytes.Cut(f.body(), []byte{0})
			if done, finish := r.statement(f, r.portals[string(name)]); done {
				return finish
			}
			continue
		}
		if r.forward(f) != nil {
			return false
		}
	}
}

// statement passes a statement on, or does what a fault says instead. done means that no more is passed on.
func (r *relay) statement(f frame, text string) (done, finish bool) {
	kind := r.source.service.faults.take(r.source.database.Identifier, r.client.user)
	r.source.service.record.add(Statement{
		Time: r.source.service.config.Clock.Now(), Source: r.source.database.Identifier, User: r.client.user, Text: redact(text), Fault: kind,
	})
	switch kind {
	case Refused:
		return r.forward(instead(f)) != nil, false
	case Failing:
		r.sayFarewell()
		return true, false
	case LostBefore:
		r.cut()
		return true, false
	case KilledBefore:
		r.kill()
		r.cut()
		return true, false
	case KilledAfter:
		r.deadly = true
		return true, r.last(f) == nil
	case LostAfter:
		return true, r.last(f) == nil
	}
	return r.forward(f) != nil, false
}

// instead is the message of the same kind that asks for what is not there.
func instead(f frame) frame {
	body := append([]byte(nowhere), 0)
	if f.kind() == typeQuery {
		body = append([]byte("FETCH "), body...)
	} else {
		body = binary.BigEndian.AppendUint32(body, 0) // all rows
	}
	return append(binary.BigEndian.AppendUint32([]byte{f.kind()}, uint32(len(body)+4)), body...)
}

// forward passes a message to the server.
func (r *relay) forward(f frame) error {
	const functionCall = 'F'
	if k := f.kind(); k == typeQuery || k == typeSync || k == functionCall {
		r.mu.Lock()
		r.asked++
		r.mu.Unlock()
	}
	_, err := r.server.Write(f)
	return err
}

// last passes the statement on as the last one. Outside a transaction block it is committed before the connection ends.
func (r *relay) last(f frame) error {
	r.mu.Lock()
	r.silent = r.asked + 1
	r.mu.Unlock()
	if err := r.forward(f); err != nil || f.kind() == typeQuery {
		return err
	}
	return r.forward(frame{typeSync, 0, 0, 0, 4}) // instead of the client's own
}

// fromServer passes the server's messages on until it hangs up or the last statement has ended.
func (r *relay) fromServer() {
	for {
		f, err := readFrame(r.server)
		if err != nil {
			return
		}
		silent, over := r.answered(f)
		if over {
			if r.deadly {
				r.kill()
			}
			r.cut()
			return
		}
		if silent {
			continue
		}
		if f.kind() == typeError {
			f = reworded(f)
		}
		if _, err := r.client.conn.Write(f); err != nil {
			return
		}
	}
}

// answered counts an answer.
func (r *relay) answered(f frame) (silent, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.kind() == typeReady {
		r.ready++
	}
	silent = r.silent > 0
	// A COPY from a client that is not there any more would never end.
	return silent, silent && (r.ready >= r.silent || f.kind() == typeCopyIn)
}

// reworded is the error as the client gets it.
func reworded(f frame) frame {
	var m pgproto3.ErrorResponse
	if m.Decode(f.body()) != nil || m.Code != noSuchCursor || !strings.Contains(m.Message, nowhere) {
		return f
	}
	return errorFrame("ERROR", "42501", "permission denied: the sandbox was told to refuse this statement")
}

// sayFarewell ends the session as an administrator does. The client has a moment to read it: what it still sends
// would otherwise reset the connection, and the words with it.
func (r *relay) sayFarewell() {
	_, _ = r.client.conn.Write(fatal("57P01", "terminating connection due to administrator command"))
	_ = r.server.Close()
	if conn, ok := r.client.conn.(*tls.Conn); ok {
		_ = conn.CloseWrite()
	}
	_ = r.client.conn.SetReadDeadline(time.Now().Add(farewell))
	_, _ = io.Copy(io.Discard, r.client.conn)
}

// kill ends the client's process, where somebody knows how.
func (r *relay) kill() {
	if kill := r.source.service.config.Kill; kill != nil {
		kill()
	}
}

// cut ends the connection without an answer.
func (r *relay) cut() {
	if conn, ok := r.client.conn.(*tls.Conn); ok {
		reset(conn.NetConn())
	}
}
