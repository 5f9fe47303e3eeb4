package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	handshakeTimeout = 10 * time.Second // from connecting to the startup message
	acceptPause      = 50 * time.Millisecond
)

// listen opens the front at a free port. It serves until ctx ends or the source is removed.
func (s *Source) listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for clients of source %s: %w", s.database.Identifier, err)
	}
	s.listener = listener
	s.serving.Go(func() { s.accept(ctx) })
	context.AfterFunc(ctx, s.end)
	return nil
}

// end closes the front and waits for its sessions.
func (s *Source) end() {
	_ = s.listener.Close() // closed twice is no matter
	s.Stop()
	s.serving.Wait()
}

func (s *Source) accept(ctx context.Context) {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // for example too many open files: others may close some
			s.service.config.Log.Warn("cannot accept a client", "source", s.database.Identifier, "err", err)
			time.Sleep(acceptPause)
			continue
		}
		if !s.admit(conn) {
			reset(conn)
			continue
		}
		s.serving.Go(func() {
			defer s.dismiss(conn)
			s.serve(context.WithoutCancel(ctx), conn)
		})
	}
}

// admit counts a connection in, unless the source is stopped.
func (s *Source) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.open[conn] = true
	}
	return !s.stopped
}

func (s *Source) dismiss(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	_ = conn.Close()
}

// hangUp resets every open connection. The caller holds s.mu.
func (s *Source) hangUp() {
	for conn := range s.open {
		reset(conn)
	}
}

// reset closes a connection without a farewell, as an address behind which there is nothing.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// serve takes one connection from its first byte to its last.
func (s *Source) serve(ctx context.Context, conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout)) // the network's time, not the sandbox's
	shake, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c, err := s.greet(shake, conn)
	if err != nil {
		s.turnAway(c, err)
		return
	}
	server, err := s.connect(shake)
	if err != nil {
		s.turnAway(c, err)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	relay := newRelay(s, c, server)
	relay.run()
}
