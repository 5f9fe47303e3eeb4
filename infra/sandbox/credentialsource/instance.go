package credentialsource

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
)

// InstancePath is where the metadata of the instance stands on the endpoint.
const InstancePath = "/latest/"

// InstanceID names the one EC2 instance that the sandbox plays. Sessions of its role have that name.
const InstanceID = "i-0123456789abcdef0"

// Headers and limits of the token that each request for metadata carries.
// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata".
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
	maxTokenTTL = 6 * time.Hour
)

// An Instance is the metadata service of an EC2 instance. It is an [http.Handler] for [InstancePath].
//
// It has the credentials of the role, the region, the zone, the instance's id and its identity document. Other
// metadata is not found, with a text that says so. Version 1, without a token, is refused as on an instance that
// requires version 2.
//
// There is no instance profile between the instance and its role, and nobody's iam:PassRole is asked for.
type Instance struct {
	clock *clock.Clock
	born  time.Time
	lease *lease
	mux   *http.ServeMux

	mu     sync.Mutex
	role   string               // ARN; empty: none
	tokens map[string]time.Time // when each ends
}

// NewInstance returns an instance without a role. Its service is ec2.amazonaws.com, which the role must trust.
func NewInstance(c *clock.Clock, roles *identity.Store) *Instance {
	i := &Instance{
		clock: c, born: c.Now().Truncate(time.Second), tokens: map[string]time.Time{}, mux: http.NewServeMux(),
		lease: &lease{clock: c, roles: roles, service: "ec2.amazonaws.com", session: InstanceID},
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answerText(w, http.StatusOK, s) }
	}
	const credentials = InstancePath + "meta-data/iam/security-credentials"
	i.mux.HandleFunc("GET "+credentials, i.listRoles)
	i.mux.HandleFunc("GET "+credentials+"/{$}", i.listRoles)
	i.mux.HandleFunc("GET "+credentials+"/{role}", i.credentials)
	i.mux.HandleFunc("GET "+InstancePath+"meta-data/instance-id", text(InstanceID))
	i.mux.HandleFunc("GET "+InstancePath+"meta-data/placement/region", text(awshttp.DefaultRegion))
	i.mux.HandleFunc("GET "+InstancePath+"meta-data/placement/availability-zone", text(awshttp.DefaultRegion+"a"))
	i.mux.HandleFunc("GET "+InstancePath+"dynamic/instance-identity/document", i.document)
	i.mux.HandleFunc(InstancePath, func(w http.ResponseWriter, r *http.Request) {
		answerText(w, http.StatusNotFound, fmt.Sprintf("the sandbox's instance metadata does not have %s %s", r.Method, r.URL.Path))
	})
	return i
}

// Attach gives the instance the role of that ARN, in place of the one it had. Nothing is checked here: as with EC2,
// a role that is not there or does not trust ec2.amazonaws.com shows when its credentials are asked for.
func (i *Instance) Attach(roleARN string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.role = roleARN
}

// Detach takes the role away. Credentials that were handed out live on.
func (i *Instance) Detach() { i.Attach("") }

// ServeHTTP answers the request for a token, or for metadata with a token that is still good.
func (i *Instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == InstancePath+"api/token":
		i.giveToken(w, r)
	case !i.known(r.Header.Get(tokenHeader)):
		answerText(w, http.StatusUnauthorized, "Unauthorized: the request has no token of the instance metadata, or one that has ended")
	default:
		i.mux.ServeHTTP(w, r)
	}
}

func (i *Instance) giveToken(w http.ResponseWriter, r *http.Request) {
	seconds, err := strconv.Atoi(r.Header.Get(ttlHeader))
	ttl := time.Duration(seconds) * time.Second
	switch {
	case r.Method != http.MethodPut:
		w.Header().Set("Allow", "OPTIONS, PUT")
		answerText(w, http.StatusMethodNotAllowed, "Method Not Allowed: a token is asked for with PUT")
		return
	case r.Header.Get("X-Forwarded-For") != "": // keeps proxies from handing tokens out
		answerText(w, http.StatusForbidden, "Forbidden: the request for a token came through a proxy")
		return
	case err != nil || ttl < time.Second || ttl > maxTokenTTL:
		answerText(w, http.StatusBadRequest, fmt.Sprintf("Bad Request: header %s must be from 1 to %.0f", ttlHeader, maxTokenTTL.Seconds()))
		return
	}
	token := newToken()
	now := i.clock.Now()
	i.mu.Lock()
	maps.DeleteFunc(i.tokens, func(_ string, ends time.Time) bool { return !now.Before(ends) })
	i.tokens[token.Reveal()] = now.Add(ttl)
	i.mu.Unlock()
	w.Header().Set(ttlHeader, strconv.Itoa(seconds))
	answerText(w, http.StatusOK, token.Reveal())
}

func (i *Instance) known(token string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	ends, ok := i.tokens[token]
	return ok && i.clock.Now().Before(ends)
}

// attached is the role by ARN and name; empty if there is none.
func (i *Instance) attached() (arn, name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.role == "" {
		return "", ""
	}
	return i.role, path.Base(i.role)
}

func (i *Instance) listRoles(w http.ResponseWriter, _ *http.Request) {
	if _, name := i.attached(); name != "" {
		answerText(w, http.StatusOK, name)
		return
	}
	answerText(w, http.StatusNotFound, "Not Found: no role is attached to the instance")
}

// credentials answers 200 for a role that cannot be assumed too: what went wrong stands in the document.
func (i *Instance) credentials(w http.ResponseWriter, r *http.Request) {
	arn, name := i.attached()
	if name == "" || name != r.PathValue("role") {
		answerText(w, http.StatusNotFound, "Not Found: no role of that name is attached to the instance")
		return
	}
	key, made, err := i.lease.of(arn)
	if err != nil {
		answerJSON(w, "text/plain", http.StatusOK, i.refusal(name, err))
		return
	}
	answerJSON(w, "text/plain", http.StatusOK, struct {
		Code, Type, AccessKeyId, SecretAccessKey, Token string
		LastUpdated, Expiration                         time.Time
	}{
		"Success", "AWS-HMAC", key.AccessKeyID, key.SecretAccessKey.Reveal(), key.SessionToken.Reveal(),
		made.Truncate(time.Second), key.Expires.Truncate(time.Second),
	})
}

// A failure is a document in place of credentials.
type failure struct {
	Code, Message string
	LastUpdated   time.Time
}

func (i *Instance) refusal(role string, err error) failure {
	f := failure{"InternalError", err.Error(), i.clock.Now().Truncate(time.Second)}
	if refused, ok := errors.AsType[*awshttp.Error](err); ok && refused.Status == http.StatusForbidden {
		f.Code = "AssumeRoleUnauthorizedAccess"
		f.Message = fmt.Sprintf("EC2 cannot assume the role %s. Please see documentation at "+
			"https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html.", role)
	}
	return f
}

// document is how SDKs learn the region. It is not signed.
func (i *Instance) document(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, "text/plain", http.StatusOK, map[string]any{
		"accountId": awshttp.Account, "architecture": "x86_64", "availabilityZone": awshttp.DefaultRegion + "a",
		"instanceId": InstanceID, "instanceType": "t3.micro", "pendingTime": i.born, "privateIp": "127.0.0.1",
		"region": awshttp.DefaultRegion, "version": "2017-09-30",
	})
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = io.Copy(w, strings.NewReader(text)) // a client that has gone away gets no answer
}

func answerJSON(w http.ResponseWriter, mediaType string, status int, document any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // likewise
}
