package sourcelogin_test

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicehq/sluice/shared/connector/login/logintest"
)

// A front stands before the PostgreSQL of the tests: it speaks TLS as the test says, writes down the statements that
// pass, and loses connections.
type front struct {
	listener net.Listener
	tls      *tls.Config // nil is a server that has none
	serving  sync.WaitGroup

	refused map[string]string // codes with which logins to these databases end

	mu         sync.Mutex
	statements []string
	lose       int  // the number of the statement that is lost, from 1; 0 loses none
	done       bool // it is lost after it was done
}

// open starts a front for the test.
func (f *front) open(t *testing.T) {
	t.Helper()
	var err error
	if f.listener, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	f.serving.Go(func() {
		for {
			conn, err := f.listener.Accept()
			if err != nil {
				return
			}
			f.serving.Go(func() { defer conn.Close(); f.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = f.listener.Close(); f.serving.Wait() })
}

func (f *front) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// take is what was said so far, and begins anew.
func (f *front) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	said := f.statements
	f.statements, f.lose = nil, 0
	return said
}

// losing loses the nth statement from now on, before or after it is done.
func (f *front) losing(n int, done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statements, f.lose, f.done = nil, n, done
}

func (f *front) serve(conn net.Conn) {
	request := make([]byte, 8)
	if _, err := io.ReadFull(conn, request); err != nil {
		return
	}
	if f.tls == nil {
		_, _ = conn.Write([]byte("N"))
		return
	}
	if _, err := conn.Write([]byte("S")); err != nil {
		return
	}
	client := tls.Server(conn, f.tls)
	server, err := net.Dial("unix", filepath.Join(database.Config("", "").Host, ".s.PGSQL.5432"))
	if err != nil {
		return
	}
	defer server.Close()
	_ = server.SetDeadline(time.Now().Add(time.Minute))
	_ = client.SetDeadline(time.Now().Add(time.Minute))
	_ = f.talk(client, server)
}

var errLost = errors.New("lost")

// talk passes messages on, of which each has an answer: the startup, passwords, statements.
func (f *front) talk(client, server net.Conn) error {
	startup := make([]byte, 4)
	if _, err := io.ReadFull(client, startup); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(startup)-4)
	if _, err := io.ReadFull(client, body); err != nil {
		return err
	}
	for name, code := range f.refused {
		if strings.Contains(string(body), "\x00database\x00"+name+"\x00") {
			_, err := client.Write(fatal(code, "database "+name+" is closed to the tests"))
			return err
		}
	}
	if _, err := server.Write(append(startup, body...)); err != nil {
		return err
	}
	deaf := false // the client hears nothing more
	for {
		kind, message, err := receive(server)
		if err != nil {
			return err
		}
		if !deaf {
			if _, err := client.Write(message); err != nil {
				return err
			}
		}
		asks := kind == 'R' && strings.Contains("\x03\x05\x0a\x0b", string(message[8]))
		if kind == 'Z' && deaf {
			return errLost
		}
		if kind != 'Z' && !asks {
			continue
		}
		kind, message, err = receive(client)
		if err != nil {
			return err
		}
		if kind == 'Q' {
			f.mu.Lock()
			f.statements = append(f.statements, strings.TrimRight(string(message[5:]), "\x00"))
			hit, done := f.lose == len(f.statements), f.done
			f.mu.Unlock()
			if hit && !done {
				return errLost
			}
			deaf = hit
		}
		if _, err := server.Write(message); err != nil {
			return err
		}
	}
}

// fatal is an error that ends a login.
func fatal(code, message string) []byte {
	fields := "SFATAL\x00C" + code + "\x00M" + message + "\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fields)+4)), fields...)
}

// receive reads one message with its type.
func receive(conn net.Conn) (kind byte, message []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return 0, nil, err
	}
	message = append(head, make([]byte, binary.BigEndian.Uint32(head[1:])-4)...)
	_, err = io.ReadFull(conn, message[5:])
	return head[0], message, err
}

// authority is what the tests trust.
var authority = logintest.NewAuthority("authority of the sources")
