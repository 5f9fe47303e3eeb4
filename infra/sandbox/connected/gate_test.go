package connected_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// A gate is a port of its own before a warehouse's. It counts who comes, and lets so many in at a time; the others wait.
type gate struct {
	listener net.Listener
	came     atomic.Int64
	serving  sync.WaitGroup
}

func (s *scene) gate(to, most int) *gate {
	s.Helper()
	listener, err := new(net.ListenConfig).Listen(s.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	g := &gate{listener: listener}
	slots := make(chan struct{}, most)
	g.serving.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			g.came.Add(1)
			g.serving.Go(func() {
				defer near.Close()
				slots <- struct{}{}
				defer func() { <-slots }()
				pass(near, to)
			})
		}
	})
	s.Cleanup(func() { _ = listener.Close(); g.serving.Wait() })
	return g
}

// pass joins a connection with one to another port of this machine until either ends.
func pass(near net.Conn, port int) {
	far, err := new(net.Dialer).DialContext(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return
	}
	var both sync.WaitGroup
	copyTo := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	both.Go(func() { copyTo(far, near) })
	both.Go(func() { copyTo(near, far) })
	both.Wait()
}

// port is where the gate listens.
func (g *gate) port() string { return port(g.listener.Addr().(*net.TCPAddr).Port) }
