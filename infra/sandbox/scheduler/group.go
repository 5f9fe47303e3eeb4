package scheduler

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const defaultGroup = "default"

// A group holds schedules. [Service.mu] guards it.
type group struct {
	created time.Time
	token   string // ClientToken of the call that made it
	tags    map[string]string
}

type tag struct {
	Key   string `aws:"required"`
	Value string `aws:"required"`
}

func (s *Service) createScheduleGroup(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Name        string `aws:"required,path=Name"`
		ClientToken string
		Tags        []tag
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "scheduler:CreateScheduleGroup", Resource: s.groupARN(in.Name)}); err != nil {
		return nil, err
	}
	if !namePattern.MatchString(in.Name) {
		return nil, refuse("schedule group name %q is not valid", in.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ ScheduleGroupArn string }{s.groupARN(in.Name)}
	if old := s.groups[in.Name]; old != nil {
		if in.ClientToken != "" && old.token == in.ClientToken {
			return out, nil // the same call once more
		}
		return nil, conflict("Schedule group %s already exists.", in.Name)
	}
	g := &group{created: call.Time, token: in.ClientToken, tags: map[string]string{}}
	for _, t := range in.Tags {
		g.tags[t.Key] = t.Value
	}
	s.groups[in.Name] = g
	return out, nil
}

// shownGroup is how the control plane shows a group.
type shownGroup struct {
	Arn                  string
	Name                 string
	State                string
	CreationDate         time.Time
	LastModificationDate time.Time
}

func (s *Service) showGroup(name string) shownGroup {
	at := s.groups[name].created
	return shownGroup{s.groupARN(name), name, "ACTIVE", at, at}
}

// onGroup decodes an input that names a group and nothing else, and asks for permission.
func (s *Service) onGroup(call *awshttp.Call, action string) (name string, err error) {
	var in struct {
		Name        string `aws:"required,path=Name"`
		ClientToken string `aws:"query=clientToken"`
	}
	if err := call.Decode(&in); err != nil {
		return "", err
	}
	return in.Name, call.Authorize(awshttp.Access{Action: "scheduler:" + action, Resource: s.groupARN(in.Name)})
}

// findGroup returns a group. The caller holds s.mu.
func (s *Service) findGroup(name string) (*group, error) {
	g := s.groups[name]
	if g == nil {
		return nil, notFound("Schedule group %s does not exist.", name)
	}
	return g, nil
}

func (s *Service) getScheduleGroup(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.onGroup(call, "GetScheduleGroup")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.findGroup(name); err != nil {
		return nil, err
	}
	return s.showGroup(name), nil
}

func (s *Service) listScheduleGroups(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		NamePrefix string `aws:"query=NamePrefix"`
		MaxResults int    `aws:"query=MaxResults"` // all fit on one page
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(awshttp.Access{Action: "scheduler:ListScheduleGroups", Resource: "*"}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := struct{ ScheduleGroups []shownGroup }{[]shownGroup{}}
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out.ScheduleGroups = append(out.ScheduleGroups, s.showGroup(name))
		}
	}
	return out, nil
}

// deleteScheduleGroup deletes a group with its schedules, at once.
func (s *Service) deleteScheduleGroup(_ context.Context, call *awshttp.Call) (any, error) {
	name, err := s.onGroup(call, "DeleteScheduleGroup")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == defaultGroup {
		return nil, refuse("The default schedule group cannot be deleted.")
	}
	if _, err := s.findGroup(name); err != nil {
		return nil, err
	}
	for k := range s.schedules {
		if k.group == name {
			s.remove(k)
		}
	}
	delete(s.groups, name)
	return nil, nil
}

func (s *Service) tagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string `aws:"required,path=ResourceArn"`
		Tags        []tag  `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	return nil, s.onTags(call, "TagResource", in.ResourceArn, func(tags map[string]string) {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
	})
}

func (s *Service) untagResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string `aws:"required,path=ResourceArn"`
		TagKeys     []string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if call.HTTP != nil { // where each key is a parameter of its own
		in.TagKeys = call.HTTP.URL.Query()["TagKeys"]
	}
	return nil, s.onTags(call, "UntagResource", in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (s *Service) listTagsForResource(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		ResourceArn string `aws:"required,path=ResourceArn"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	out := struct{ Tags []tag }{[]tag{}}
	err := s.onTags(call, "ListTagsForResource", in.ResourceArn, func(tags map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, tag{key, tags[key]})
		}
	})
	return out, err
}

// onTags asks whether the caller may do action on a group, which alone can have tags, and does it with the lock held.
func (s *Service) onTags(call *awshttp.Call, action, arn string, do func(tags map[string]string)) error {
	if err := call.Authorize(awshttp.Access{Action: "scheduler:" + action, Resource: arn}); err != nil {
		return err
	}
	name, ok := strings.CutPrefix(arn, s.groupARN(""))
	if !ok {
		return refuse("%q is not the ARN of a schedule group", arn)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.findGroup(name)
	if err != nil {
		return err
	}
	if g.tags == nil {
		g.tags = map[string]string{}
	}
	do(g.tags)
	return nil
}
