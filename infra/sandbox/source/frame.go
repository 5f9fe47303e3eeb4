package source

import (
	"encoding/binary"
	"fmt"
	"io"
)

// maxFrame is the largest message that the front passes on, in bytes; PostgreSQL's own limit is 1 GB.
const maxFrame = 64 << 20

// A frame is one message of PostgreSQL's protocol as it came: its type, its length, its body.
//
// Source: PostgreSQL documentation, "Frontend/Backend Protocol, Message Formats".
type frame []byte

// Types of messages that the front looks at.
const (
	typeQuery   = 'Q'
	typeParse   = 'P'
	typeBind    = 'B'
	typeExecute = 'E' // from the client; an error from the server
	typeClose   = 'C' // from the client
	typeSync    = 'S' // from the client
	typeError   = 'E'
	typeReady   = 'Z'
	typeCopyIn  = 'G'
)

func (f frame) kind() byte   { return f[0] }
func (f frame) body() []byte { return f[5:] }

// readFrame reads the next message after the startup.
func readFrame(r io.Reader) (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length < 4 || length > maxFrame {
		return nil, fmt.Errorf("message %q has a length of %d bytes", head[0], length)
	}
	f := make(frame, 1+length)
	copy(f, head[:])
	_, err := io.ReadFull(r, f[len(head):])
	return f, err
}

// readStartup reads the first message of a client, which has no type. It begins with the code of what is asked for.
func readStartup(r io.Reader) (code uint32, body []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < 8 || length > maxStartup {
		return 0, nil, fmt.Errorf("startup message has a length of %d bytes", length)
	}
	body = make([]byte, length-4)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(body), body, nil
}

// startupFrame puts the length before a startup message again.
func startupFrame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}
