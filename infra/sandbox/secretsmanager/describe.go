package secretsmanager

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// description is what DescribeSecret answers, and with another name for its versions ListSecrets.
type description struct {
	ARN, Name          string
	CreatedDate        time.Time
	LastChangedDate    time.Time
	LastAccessedDate   *time.Time
	LastRotatedDate    *time.Time
	NextRotationDate   *time.Time
	DeletedDate        *time.Time
	Description        string              `json:",omitempty"`
	KmsKeyId           string              `json:",omitempty"`
	OwningService      string              `json:",omitempty"`
	RotationEnabled    *bool               // nil until rotation has been turned on once
	RotationLambdaARN  string              `json:",omitempty"`
	RotationRules      *ruleNames          // nil if there are none
	Tags               []tag               `json:",omitempty"`
	VersionIdsToStages map[string][]string `json:",omitempty"`

	SecretVersionsToStages map[string][]string `json:",omitempty"` // ListSecrets
}

func (s *Service) describeSecret(ctx context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		SecretId string `aws:"required"`
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.open(call, "DescribeSecret", in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	out := r.summary()
	out.VersionIdsToStages = r.stages()
	return out, nil
}

func (r *record) summary() description {
	d := description{
		ARN: r.arn, Name: r.name, Description: r.description, KmsKeyId: r.kmsKey, OwningService: r.owner, Tags: slices.Clone(r.tags),
		CreatedDate: r.created, LastChangedDate: r.changed, LastAccessedDate: optional(r.accessed), DeletedDate: optional(r.deleted),
	}
	if !r.rotation.configured {
		return d
	}
	d.RotationEnabled, d.RotationLambdaARN = new(r.rotation.enabled), r.rotation.function
	if r.rotation.schedule != nil {
		d.RotationRules = new(r.rotation.schedule.names)
	}
	if r.rotation.enabled {
		d.LastRotatedDate, d.NextRotationDate = optional(r.rotation.last), optional(r.rotation.next)
	}
	return d
}

// stages are the labels by version, nil if there are none. Versions without labels are not in it; one that a rotation has reserved is.
func (r *record) stages() map[string][]string {
	var m map[string][]string
	for _, v := range r.versions {
		if len(v.labels) == 0 {
			continue
		}
		if m == nil {
			m = map[string][]string{}
		}
		m[v.id] = v.labelled()
	}
	return m
}

type listVersionsInput struct {
	SecretId          string `aws:"required"`
	IncludeDeprecated *bool
	MaxResults        *int32
	NextToken         *string
}

type versionEntry struct {
	VersionId        string
	VersionStages    []string `json:",omitempty"`
	CreatedDate      time.Time
	LastAccessedDate *time.Time
	KmsKeyIds        []string `json:",omitempty"`
}

type versionList struct {
	ARN, Name string
	Versions  []versionEntry
	NextToken string `json:",omitempty"`
}

// listSecretVersionIDs answers versions in the order they were made. One that a rotation has reserved is among
// them: AWS says of DescribeSecret that it shows such a version, and of this operation nothing.
func (s *Service) listSecretVersionIDs(ctx context.Context, call *awshttp.Call) (any, error) {
	var in listVersionsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.open(call, "ListSecretVersionIds", in.SecretId, nil)
	if err != nil {
		return nil, err
	}
	all := []versionEntry{}
	for _, v := range r.versions {
		if len(v.labels) > 0 || in.IncludeDeprecated != nil && *in.IncludeDeprecated {
			all = append(all, v.entry())
		}
	}
	out := versionList{ARN: r.arn, Name: r.name}
	out.Versions, out.NextToken, err = page(all, in.MaxResults, in.NextToken, func(e versionEntry) string { return e.VersionId })
	return out, err
}

func (v *version) entry() versionEntry {
	e := versionEntry{VersionId: v.id, VersionStages: v.labelled(), CreatedDate: v.created, LastAccessedDate: optional(v.accessed)}
	if v.value.kind == absent {
		return e
	}
	for _, key := range v.keys {
		e.KmsKeyIds = append(e.KmsKeyIds, cmp.Or(key, "DefaultEncryptionKey"))
	}
	return e
}

type listSecretsInput struct {
	Filters                []filter
	IncludePlannedDeletion *bool
	MaxResults             *int32
	NextToken              *string
	SortOrder              *string
}

type secretList struct {
	SecretList []description
	NextToken  string `json:",omitempty"`
}

// listSecrets answers secrets in the order they were made, unless SortOrder is desc.
func (s *Service) listSecrets(ctx context.Context, call *awshttp.Call) (any, error) {
	var in listSecretsInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(anySecret("ListSecrets")); err != nil {
		return nil, err
	}
	if err := checkFilters(in.Filters); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	all := []description{}
	for _, r := range s.inOrder(in.SortOrder != nil && *in.SortOrder == "desc") {
		planned := in.IncludePlannedDeletion != nil && *in.IncludePlannedDeletion
		if (r.deleted.IsZero() || planned) && r.matches(in.Filters) {
			d := r.summary()
			d.SecretVersionsToStages = r.stages()
			all = append(all, d)
		}
	}
	var out secretList
	var err error
	out.SecretList, out.NextToken, err = page(all, in.MaxResults, in.NextToken, func(d description) string { return d.ARN })
	return out, err
}

// inOrder returns all secrets by creation, those of the same instant by name.
func (s *Service) inOrder(descending bool) []*record {
	names := slices.Sorted(maps.Keys(s.secrets))
	all := make([]*record, len(names))
	for i, name := range names {
		all[i] = s.secrets[name]
	}
	slices.SortStableFunc(all, func(a, b *record) int { return a.created.Compare(b.created) })
	if descending {
		slices.Reverse(all)
	}
	return all
}
