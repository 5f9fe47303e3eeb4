package redshiftserverless

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// Names of workgroups.
// Source: Redshift Serverless API Reference, CreateWorkgroup (workgroupName).
const (
	minName = 3
	maxName = 64
)

var nameForm = regexp.MustCompile(`^[a-z0-9-]+$`)

// badWorkgroup says what is wrong with a workgroup's name; "" if nothing is.
func badWorkgroup(name string) string {
	switch {
	case len(name) < minName || len(name) > maxName:
		return fmt.Sprintf("has %d characters; it must have %d to %d", len(name), minName, maxName)
	case !nameForm.MatchString(name):
		return "does not match " + nameForm.String()
	}
	return ""
}

// A description is what GetWorkgroup and ListWorkgroups tell of one workgroup.
// Source: Redshift Serverless API Reference, Workgroup. Members that the sandbox has no meaning for are left out.
type description struct {
	WorkgroupName    string    `json:"workgroupName"`
	WorkgroupArn     string    `json:"workgroupArn"`
	WorkgroupID      string    `json:"workgroupId"`
	NamespaceName    string    `json:"namespaceName"`
	Status           string    `json:"status"`
	CreationDate     time.Time `json:"creationDate" aws:"date-time"`
	Endpoint         *address  `json:"endpoint"`
	Port             int       `json:"port"`
	CustomDomainName string    `json:"customDomainName,omitempty"`

	EnhancedVpcRouting bool     `json:"enhancedVpcRouting"`
	PubliclyAccessible bool     `json:"publiclyAccessible"`
	SecurityGroupIDs   []string `json:"securityGroupIds"`
	SubnetIDs          []string `json:"subnetIds"`
	WorkgroupVersion   string   `json:"workgroupVersion"`
}

type address struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
}

// describe tells of w. Of several domains that lead to it the first by name is told.
func (s *Service) describe(w workgroup, region string) description {
	d := description{
		WorkgroupName: w.Name, WorkgroupArn: w.arn(region), WorkgroupID: w.id, NamespaceName: w.Namespace,
		Status: w.status, CreationDate: w.created, Port: w.Endpoint.Port(),
		SecurityGroupIDs: []string{}, SubnetIDs: []string{}, WorkgroupVersion: "1.0",
	}
	if w.status != creating {
		d.Endpoint = &address{w.Endpoint.Host(), w.Endpoint.Port()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.domains)) {
		if s.domains[name].Target == w.Name {
			d.CustomDomainName = name
			break
		}
	}
	return d
}

func (s *Service) getWorkgroup(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		WorkgroupName string `json:"workgroupName" aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if problem := badWorkgroup(in.WorkgroupName); problem != "" {
		return nil, invalid("workgroupName %q %s", in.WorkgroupName, problem)
	}
	w, err := s.reach(call, in.WorkgroupName)
	if err != nil {
		return nil, err
	}
	return struct {
		Workgroup description `json:"workgroup"`
	}{s.describe(w, call.Region)}, nil
}

// maxResults bounds a page of ListWorkgroups.
// Source: Redshift Serverless API Reference, ListWorkgroups (maxResults).
const maxResults = 100

func (s *Service) listWorkgroups(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		MaxResults *int   `json:"maxResults"`
		NextToken  string `json:"nextToken"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	limit := maxResults
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	if limit < 1 || limit > maxResults {
		return nil, invalid("maxResults is %d; it must be between 1 and %d", limit, maxResults)
	}
	if err := call.Authorize(awshttp.Access{Action: "redshift-serverless:ListWorkgroups", Resource: "*"}); err != nil {
		return nil, err
	}
	out := struct {
		Workgroups []description `json:"workgroups"`
		NextToken  string        `json:"nextToken,omitempty"`
	}{Workgroups: []description{}}
	for _, w := range s.all() {
		if w.Name <= in.NextToken {
			continue
		}
		if len(out.Workgroups) == limit { // one more than fits: the next page begins after the last one here
			out.NextToken = out.Workgroups[limit-1].WorkgroupName
			break
		}
		out.Workgroups = append(out.Workgroups, s.describe(w, call.Region))
	}
	return out, nil
}

// all are the workgroups as they are now, by name.
func (s *Service) all() (all []workgroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.workgroups)) {
		all = append(all, *s.workgroups[name])
	}
	return all
}
