package dynamodb

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const (
	startTimeout = 20 * time.Second // it takes about 0.1 s; a cold disk far longer
	stopTimeout  = 5 * time.Second
)

// script serves dynalite on a socket until standard input ends. That is when this process closes it or dies, however
// it dies. Connections stay open while nothing is asked.
const script = `
const server = require(process.argv[1])({createTableMs: 0, deleteTableMs: 0, updateTableMs: 0})
server.keepAliveTimeout = 0
server.listen(process.argv[2], () => console.log('ready'))
process.stdin.on('end', () => process.exit()).resume()
`

// An engine is a running dynalite.
type engine struct {
	dir    string // of the socket
	life   io.Closer
	cmd    *exec.Cmd
	exited chan struct{}
	words  bytes.Buffer // what it wrote on standard error; read once it has exited
	client *http.Client
}

// start runs dynalite and returns when it takes calls.
func start(ctx context.Context, nodeModules string) (*engine, error) {
	module, err := filepath.Abs(filepath.Join(nodeModules, "dynalite"))
	if err != nil {
		return nil, fmt.Errorf("find dynalite: %w", err)
	}
	if _, err := os.Stat(module); err != nil {
		return nil, fmt.Errorf("find dynalite, which npm ci puts into infra/node_modules: %w", err)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("find Node.js, which runs dynalite: %w", err)
	}
	dir, err := os.MkdirTemp("", "sluice-db-") // short: a socket's path has at most about 100 bytes
	if err != nil {
		return nil, fmt.Errorf("make a folder for dynalite: %w", err)
	}
	e := &engine{dir: dir, exited: make(chan struct{}), client: clientOf(filepath.Join(dir, "socket"))}
	if err := e.launch(ctx, node, module); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return e, nil
}

// clientOf speaks HTTP over a socket.
func clientOf(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

func (e *engine) launch(ctx context.Context, node, module string) error {
	e.cmd = exec.Command(node, "-e", script, module, filepath.Join(e.dir, "socket"))
	e.cmd.Dir = e.dir
	// The account and the region are parts of the ARNs that it makes. Nothing else of our environment concerns it.
	e.cmd.Env = []string{"AWS_ACCOUNT_ID=" + awshttp.Account, "AWS_REGION=" + awshttp.DefaultRegion}
	e.cmd.Stderr = &e.words
	life, err := e.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start dynalite: %w", err)
	}
	said, err := e.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start dynalite: %w", err)
	}
	if err := e.cmd.Start(); err != nil {
		return fmt.Errorf("start dynalite: %w", err)
	}
	e.life = life
	ready := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(said).ReadString('\n')
		ready <- err
		_, _ = io.Copy(io.Discard, said)
		_ = e.cmd.Wait() // how it ended is in its words
		close(e.exited)
	}()
	select {
	case err = <-ready:
	case <-time.After(startTimeout):
		err = fmt.Errorf("it was not ready within %v", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		_ = e.cmd.Process.Kill()
		<-e.exited
		return fmt.Errorf("start dynalite: %w; it said %q", err, e.words.String())
	}
	return nil
}

// stop ends the process and removes its folder.
func (e *engine) stop() error {
	var problem error
	_ = e.life.Close()
	select {
	case <-e.exited:
	case <-time.After(stopTimeout):
		_ = e.cmd.Process.Kill()
		<-e.exited
		problem = fmt.Errorf("stop dynalite: it did not end within %v and was killed", stopTimeout)
	}
	e.client.CloseIdleConnections()
	return errors.Join(problem, os.RemoveAll(e.dir))
}

// pass lets dynalite answer a call. Its refusals are *[awshttp.Error]s.
func (e *engine) pass(ctx context.Context, operation string, body []byte) (map[string]any, error) {
	if text := string(bytes.TrimSpace(body)); text == "" || text == "null" {
		body = []byte("{}") // it dies of the others
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://dynalite/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	// It wants to see a signature and does not check it: that has been done.
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=x, Signature=x")
	r.Header.Set("X-Amz-Date", "x")
	answer, err := e.client.Do(r)
	if err != nil {
		return nil, e.lost(operation, err)
	}
	defer answer.Body.Close()
	members := map[string]any{}
	d := json.NewDecoder(answer.Body)
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, fmt.Errorf("read dynalite's answer to %s: %w", operation, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, refusal(answer.StatusCode, members)
	}
	return members, nil
}

// ask is pass for a call of our own.
func (e *engine) ask(ctx context.Context, operation string, input any) (map[string]any, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", operation, err)
	}
	return e.pass(ctx, operation, body)
}

// lost is the error of a call without an answer: dynalite has no answer if it has died.
func (e *engine) lost(operation string, err error) error {
	select {
	case <-e.exited:
		return fmt.Errorf("pass %s to dynalite: it has ended and said %q: %w", operation, e.words.String(), err)
	default:
		return fmt.Errorf("pass %s to dynalite: %w", operation, err)
	}
}

// refusal reads an error. Its type has a namespace before a hash sign.
func refusal(status int, members map[string]any) error {
	kind, _ := members["__type"].(string)
	lower, _ := members["message"].(string)
	upper, _ := members["Message"].(string)
	return &awshttp.Error{Status: status, Code: kind[strings.Index(kind, "#")+1:], Message: cmp.Or(lower, upper)}
}
