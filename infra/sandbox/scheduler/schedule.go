package scheduler

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A key names a schedule.
type key struct{ group, name string }

// A schedule is a definition with its place on the clock. [Service.mu] guards it; a change makes a new one.
type schedule struct {
	definition
	key               key
	arn               string
	token             string // ClientToken of the call that made it
	created, modified time.Time
	expression        Expression
	disarm            func() // never nil
}

// onSchedule asks whether the caller may do action on a schedule.
func (s *Service) onSchedule(call *awshttp.Call, action string, k key) error {
	return call.Authorize(awshttp.Access{Action: "scheduler:" + action, Resource: s.scheduleARN(k)})
}

// find returns a schedule. The caller holds s.mu.
func (s *Service) find(k key) (*schedule, error) {
	sc := s.schedules[k]
	if sc == nil {
		return nil, notFound("Schedule %s does not exist.", k.name)
	}
	return sc, nil
}

// remove takes a schedule from the clock and forgets it. The caller holds s.mu.
func (s *Service) remove(k key) {
	s.schedules[k].disarm()
	delete(s.schedules, k)
}

type scheduleInput struct {
	Name        string `aws:"required,path=Name"`
	GroupName   string
	ClientToken string
	definition
}

type scheduleOutput struct {
	ScheduleArn string
}

// decode reads the input of CreateSchedule and UpdateSchedule, asks for permission and makes the schedule of it.
func (s *Service) decode(call *awshttp.Call) (*schedule, error) {
	var in scheduleInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	k := key{cmp.Or(in.GroupName, defaultGroup), in.Name}
	if err := s.onSchedule(call, call.Operation, k); err != nil {
		return nil, err
	}
	if !namePattern.MatchString(in.Name) {
		return nil, refuse("schedule name %q is not valid", in.Name)
	}
	in.complete()
	e, err := in.check(call.Time, s.config.Queues != nil)
	if err != nil {
		return nil, err
	}
	if err := s.passRole(call, in.Target.RoleArn, k.group); err != nil {
		return nil, err
	}
	return &schedule{definition: in.definition, key: k, arn: s.scheduleARN(k), token: in.ClientToken, expression: e,
		created: call.Time, modified: call.Time, disarm: func() {}}, nil
}

// passRole asks whether the caller may give the role to Scheduler, and whether Scheduler may assume it.
func (s *Service) passRole(call *awshttp.Call, role, group string) error {
	err := call.Authorize(awshttp.Access{Action: "iam:PassRole", Resource: role,
		Context: map[string][]string{"iam:PassedToService": {principal}}})
	if err != nil {
		return err
	}
	if _, _, err := s.assume(role, group, "validation"); err != nil {
		return refuse("The execution role you provide must allow AWS EventBridge Scheduler to assume the role. (%v)", err)
	}
	return nil
}

// createSchedule begins at once: a rate without StartDate is due when it is made.
func (s *Service) createSchedule(_ context.Context, call *awshttp.Call) (any, error) {
	sc, err := s.decode(call)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findGroup(sc.key.group); err != nil {
		return nil, err
	}
	if old := s.schedules[sc.key]; old != nil {
		if sc.token != "" && old.token == sc.token {
			return scheduleOutput{old.arn}, nil // the same call once more
		}
		return nil, conflict("Schedule %s already exists.", sc.key.name)
	}
	s.schedules[sc.key] = sc
	s.arm(sc, call.Time.Add(-1))
	return scheduleOutput{sc.arn}, nil
}

// updateSchedule replaces the whole definition: what the input leaves out gets its default.
func (s *Service) updateSchedule(_ context.Context, call *awshttp.Call) (any, error) {
	sc, err := s.decode(call)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.find(sc.key)
	if err != nil {
		return nil, err
	}
	old.disarm()
	sc.created, sc.token = old.created, old.token
	s.schedules[sc.key] = sc
	s.arm(sc, call.Time)
	return scheduleOutput{sc.arn}, nil
}

type namedInput struct {
	Name        string `aws:"required,path=Name"`
	GroupName   string `aws:"query=groupName"`
	ClientToken string `aws:"query=clientToken"`
}

// shownSchedule is how the control plane shows a schedule.
type shownSchedule struct {
	Arn                  string
	Name                 string
	GroupName            string
	CreationDate         time.Time
	LastModificationDate time.Time
	definition
}

func (s *Service) getSchedule(_ context.Context, call *awshttp.Call) (any, error) {
	var in namedInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	k := key{cmp.Or(in.GroupName, defaultGroup), in.Name}
	if err := s.onSchedule(call, "GetSchedule", k); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, err := s.find(k)
	if err != nil {
		return nil, err
	}
	return shownSchedule{sc.arn, k.name, k.group, sc.created, sc.modified, sc.definition}, nil
}

func (s *Service) deleteSchedule(_ context.Context, call *awshttp.Call) (any, error) {
	var in namedInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	k := key{cmp.Or(in.GroupName, defaultGroup), in.Name}
	if err := s.onSchedule(call, "DeleteSchedule", k); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.find(k); err != nil {
		return nil, err
	}
	s.remove(k)
	return nil, nil
}

type listInput struct {
	GroupName  string `aws:"query=ScheduleGroup"`
	NamePrefix string `aws:"query=NamePrefix"`
	State      string `aws:"query=State"`
	MaxResults int    `aws:"query=MaxResults"` // all fit on one page
}

// summary is how a list shows a schedule.
type summary struct {
	Arn                  string
	Name                 string
	GroupName            string
	State                string
	CreationDate         time.Time
	LastModificationDate time.Time
	Target               struct{ Arn string }
}

func (s *Service) listSchedules(_ context.Context, call *awshttp.Call) (any, error) {
	var in listInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "scheduler:ListSchedules", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.GroupName != "" {
		if _, err := s.findGroup(in.GroupName); err != nil {
			return nil, err
		}
	}
	keys := slices.SortedFunc(maps.Keys(s.schedules), func(a, b key) int {
		return cmp.Or(strings.Compare(a.group, b.group), strings.Compare(a.name, b.name))
	})
	out := struct{ Schedules []summary }{[]summary{}}
	for _, k := range keys {
		if sc := s.schedules[k]; in.wants(sc) {
			out.Schedules = append(out.Schedules, summary{sc.arn, k.name, k.group, sc.State, sc.created, sc.modified, struct{ Arn string }{sc.Target.Arn}})
		}
	}
	return out, nil
}

func (in listInput) wants(sc *schedule) bool {
	return (in.GroupName == "" || sc.key.group == in.GroupName) && strings.HasPrefix(sc.key.name, in.NamePrefix) &&
		(in.State == "" || sc.State == in.State)
}
