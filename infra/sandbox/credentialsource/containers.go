package credentialsource

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/infra/sandbox/uuid"
	"github.com/sluicehq/sluice/shared/secret"
)

// Where containers find their credentials on the endpoint. PodPath is the whole path; a task's own id follows
// TaskPath. Both are those of AWS's agents.
const (
	TaskPath = "/v2/credentials/"
	PodPath  = "/v1/credentials"
)

// Containers answers the containers of ECS tasks and of EKS pods with credentials. It is an [http.Handler] for
// [TaskPath] and [PodPath].
//
// A task is known by the secret id in its address and needs no token; one that comes is ignored. A pod is known by
// the token of its service account, in AWS_CONTAINER_AUTHORIZATION_TOKEN or in the file that
// AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names. Here that is an opaque text, which AWS has as a JWT, and sessions of
// pods have no tags.
type Containers struct {
	clock *clock.Clock
	roles *identity.Store

	mu    sync.Mutex
	tasks map[string]*container // by id
	pods  map[string]*container // by token
}

// A container has a role.
type container struct {
	role  string // ARN
	ends  time.Time
	lease *lease
}

// NewContainers returns the service without any containers.
func NewContainers(c *clock.Clock, roles *identity.Store) *Containers {
	return &Containers{clock: c, roles: roles, tasks: map[string]*container{}, pods: map[string]*container{}}
}

// AddTask starts a task with the role of that ARN, which must trust ecs-tasks.amazonaws.com, and returns the path of
// its credentials. As with ECS, a task whose role cannot be assumed does not start; the error says why.
func (c *Containers) AddTask(roleARN string) (string, error) {
	id := uuid.New()
	task := &container{role: roleARN, lease: c.lease("ecs-tasks.amazonaws.com", strings.ReplaceAll(id, "-", ""))}
	if _, _, err := task.lease.of(roleARN); err != nil {
		return "", fmt.Errorf("ECS was unable to assume the role %q of the task: %w", roleARN, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks[id] = task
	return TaskPath + id, nil
}

// AddPod returns a token for a pod whose service account is associated with the role of that ARN, which must trust
// pods.eks.amazonaws.com with sts:AssumeRole and sts:TagSession. The token lives for life; whoever renews the file of
// a pod adds the pod again, and its session is another one then. Nothing is checked here: what is wrong with the role
// shows when credentials are asked for.
func (c *Containers) AddPod(roleARN string, life time.Duration) secret.Value {
	token := newToken()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[token.Reveal()] = &container{roleARN, c.clock.Now().Add(life), c.lease("pods.eks.amazonaws.com", "eks-sandbox-pod-"+uuid.New())}
	return token
}

func (c *Containers) lease(service, session string) *lease {
	return &lease{clock: c.clock, roles: c.roles, service: service, session: session}
}

// ServeHTTP answers a request for credentials.
func (c *Containers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch id, isTask := strings.CutPrefix(r.URL.Path, TaskPath); {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		answerText(w, http.StatusMethodNotAllowed, "Method Not Allowed: credentials are asked for with GET")
	case isTask:
		c.answerTask(w, id)
	default:
		c.answerPod(w, r.Header.Get("Authorization"))
	}
}

func (c *Containers) answerTask(w http.ResponseWriter, id string) {
	task := c.find(c.tasks, id)
	if task == nil {
		refuseTask(w, http.StatusBadRequest, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
		return
	}
	key, _, err := task.lease.of(task.role)
	if err != nil { // ECS goes on with what it has; here the reason is worth more
		refuseTask(w, http.StatusForbidden, "AccessDenied", "ECS was unable to assume the role of the task: "+err.Error())
		return
	}
	answerJSON(w, jsonMedia, http.StatusOK, struct {
		RoleArn string
		containerKey
	}{task.role, shown(key)})
}

func (c *Containers) answerPod(w http.ResponseWriter, token string) {
	pod := c.find(c.pods, token)
	switch {
	case token == "":
		answerText(w, http.StatusBadRequest, "Service account token cannot be empty")
		return
	case pod == nil:
		answerText(w, http.StatusBadRequest, "(InvalidTokenException): the service account token is of no pod")
		return
	case !c.clock.Now().Before(pod.ends):
		answerText(w, http.StatusBadRequest, "Service account token failed basic claim validations: token is expired")
		return
	}
	key, _, err := pod.lease.of(pod.role)
	if err != nil {
		answerText(w, http.StatusForbidden, "(AccessDeniedException): the role of the pod cannot be assumed: "+err.Error())
		return
	}
	answerJSON(w, jsonMedia, http.StatusOK, struct {
		containerKey
		AccountId string
	}{shown(key), awshttp.Account})
}

func (c *Containers) find(all map[string]*container, name string) *container {
	c.mu.Lock()
	defer c.mu.Unlock()
	return all[name]
}

// jsonMedia is how SDKs know that an error has a code.
const jsonMedia = "application/json"

func refuseTask(w http.ResponseWriter, status int, code, message string) {
	answerJSON(w, jsonMedia, status, map[string]any{"code": code, "message": message, "HTTPErrorCode": status})
}

// containerKey is what the answers to tasks and pods have in common.
type containerKey struct {
	AccessKeyId, SecretAccessKey, Token string
	Expiration                          time.Time
}

func shown(key identity.Credentials) containerKey {
	return containerKey{key.AccessKeyID, key.SecretAccessKey.Reveal(), key.SessionToken.Reveal(), key.Expires.Truncate(time.Second)}
}
