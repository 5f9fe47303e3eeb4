package sqs

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// pause is how long after a queue was deleted or purged the same cannot be done with its name again.
// Source: Amazon SQS API Reference, CreateQueue and PurgeQueue.
const pause = 60 * time.Second

// A queue holds messages. [Service.mu] guards it.
type queue struct {
	name     string
	settings settings
	tags     map[string]string
	created  time.Time
	changed  time.Time
	purged   time.Time

	messages []*message // in the order in which they became visible or will
	alarm    time.Time  // when the clock looks at the queue next; zero if it does not
}

var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	arnPattern  = regexp.MustCompile(`^arn:aws:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80})$`)
)

func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:%s:sqs:%s:%s:%s", awshttp.Partition, s.config.Region, awshttp.Account, name)
}

func (s *Service) url(name string) string {
	return s.config.Endpoint + "/" + awshttp.Account + "/" + name
}

// nameInURL reads what a caller gives as QueueUrl. As with SQS, the host is of no meaning; what is no URL of a queue is
// a queue that does not exist.
func nameInURL(given string) (string, error) {
	u, err := url.Parse(given)
	if err != nil {
		return "", refuse("InvalidAddress", "The address %s is not valid for this endpoint.", given)
	}
	account, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if !ok || account != awshttp.Account || !namePattern.MatchString(name) {
		return "", absent()
	}
	return name, nil
}

// nameInARN reads the ARN of a queue of this account and region.
func (s *Service) nameInARN(given string) (string, error) {
	m := arnPattern.FindStringSubmatch(given)
	if m == nil || m[1] != s.config.Region || m[2] != awshttp.Account {
		return "", absent()
	}
	return m[3], nil
}

// URL is the address of a queue, given by ARN, whether or not it is there; empty for the ARN of something else.
func (s *Service) URL(queueARN string) string {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return ""
	}
	return s.url(name)
}

// VisibilityTimeout is how long a queue, an ARN, hides what was received. The error is QueueDoesNotExist.
func (s *Service) VisibilityTimeout(queueARN string) (time.Duration, error) {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return 0, err
	}
	return q.settings.visibility(), nil
}

// Allowed reports why the principal may not do one of the actions, for example sqs:ReceiveMessage, on a queue, an ARN;
// nil if it may do all of them. The queue need not be there.
func (s *Service) Allowed(by awshttp.Principal, queueARN string, actions ...string) error {
	name, err := s.nameInARN(queueARN)
	if err != nil {
		return err
	}
	for _, action := range actions {
		if err := s.config.Authorizer.Authorize(by, s.access(strings.TrimPrefix(action, "sqs:"), name, nil)); err != nil {
			return err
		}
	}
	return nil
}

func absent() error { return refuse(noSuchQueue, "The specified queue does not exist.") }

// open asks whether the caller may do action on the queue with this URL, and returns the name. The caller does not
// hold s.mu.
func (s *Service) open(call *awshttp.Call, action, queueURL string) (string, error) {
	name, err := nameInURL(queueURL)
	if err != nil {
		return "", err
	}
	return name, call.Authorize(s.access(action, name, nil))
}

// access is the question about one queue, which need not be there.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon SQS".
func (s *Service) access(action, name string, keys map[string][]string) awshttp.Access {
	a := awshttp.Access{Action: "sqs:" + action, Resource: s.arn(name), Context: map[string][]string{}}
	maps.Copy(a.Context, keys)
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.queues[name]; q != nil {
		a.ResourcePolicy = q.settings.policy
		for key, value := range q.tags {
			a.Context["aws:ResourceTag/"+key] = []string{value}
		}
	}
	return a
}

// find returns a queue in which nothing is older than it may be. The caller holds s.mu.
func (s *Service) find(name string) (*queue, error) {
	q := s.queues[name]
	if q == nil {
		return nil, absent()
	}
	q.expire(s.config.Clock.Now())
	return q, nil
}

type queueURL struct {
	QueueUrl string `aws:"required"`
}

func (s *Service) createQueue(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueName  string `aws:"required"`
		Attributes map[string]string
		Tags       map[string]string `json:"tags"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, notHere("FIFO queues such as %s", in.QueueName)
	}
	if !namePattern.MatchString(in.QueueName) {
		return nil, refuse(invalidValue, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if err := s.mayCreate(call, in.QueueName, in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := defaults()
	if err := s.apply(&next, in.Attributes); err != nil {
		return nil, err
	}
	if old := s.queues[in.QueueName]; old != nil {
		if name := old.settings.difference(next, in.Attributes); name != "" {
			return nil, refuse("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
		}
		return queueURL{s.url(in.QueueName)}, nil
	}
	if at, ok := s.deleted[in.QueueName]; ok && call.Time.Before(at.Add(pause)) {
		return nil, refuse("QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	s.queues[in.QueueName] = &queue{name: in.QueueName, settings: next, tags: maps.Clone(in.Tags), created: call.Time, changed: call.Time}
	delete(s.deleted, in.QueueName)
	return queueURL{s.url(in.QueueName)}, nil
}

// mayCreate asks for the creation and, where there are tags, for those too.
func (s *Service) mayCreate(call *awshttp.Call, name string, tags map[string]string) error {
	keys := tagKeys(tags)
	if err := call.Authorize(s.access("CreateQueue", name, keys)); err != nil || len(tags) == 0 {
		return err
	}
	return call.Authorize(s.access("TagQueue", name, keys))
}

func (s *Service) getQueueURL(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueName              string `aws:"required"`
		QueueOwnerAWSAccountId string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(s.access("GetQueueUrl", in.QueueName, nil)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queues[in.QueueName] == nil || in.QueueOwnerAWSAccountId != "" && in.QueueOwnerAWSAccountId != awshttp.Account {
		return nil, absent()
	}
	return queueURL{s.url(in.QueueName)}, nil
}

func (s *Service) listQueues(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		QueueNamePrefix string
		MaxResults      int // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "sqs:ListQueues", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ QueueUrls []string }{[]string{}}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			out.QueueUrls = append(out.QueueUrls, s.url(name))
		}
	}
	return out, nil
}

func (s *Service) deleteQueue(_ context.Context, call *awshttp.Call) (any, error) {
	return s.change(call, "DeleteQueue", func(q *queue) error {
		delete(s.queues, q.name)
		s.deleted[q.name] = call.Time
		return nil
	})
}

func (s *Service) purgeQueue(_ context.Context, call *awshttp.Call) (any, error) {
	return s.change(call, "PurgeQueue", func(q *queue) error {
		if !q.purged.IsZero() && call.Time.Before(q.purged.Add(pause)) {
			return &awshttp.Error{Status: http.StatusForbidden, Code: "PurgeQueueInProgress",
				Message: fmt.Sprintf("Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)}
		}
		q.messages, q.purged = nil, call.Time
		return nil
	})
}

// change does something with a queue for a call that names nothing else.
func (s *Service) change(call *awshttp.Call, action string, do func(*queue) error) (any, error) {
	var in queueURL
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	name, err := s.open(call, action, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return nil, do(q)
}
