package identity

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/policy"
)

// maxPolicyVersions is how many versions of a managed policy there can be at one time.
const maxPolicyVersions = 5

// A policyVersion is one text of a managed policy. Numbers are never used again.
type policyVersion struct {
	number   int
	document document
	created  time.Time
}

func (v policyVersion) id() string { return fmt.Sprint("v", v.number) }

// current is the default version, which decisions read.
func (m *managed) current() policyVersion {
	v, _ := m.version("v" + strconv.Itoa(m.chosen))
	return v
}

func (m *managed) version(id string) (policyVersion, error) {
	i := slices.IndexFunc(m.versions, func(v policyVersion) bool { return v.id() == id })
	if i < 0 {
		return policyVersion{}, noSuchEntity("Policy %s version %s does not exist or is not attachable.", m.arn(), id)
	}
	return m.versions[i], nil
}

type versionOutput struct {
	Document         *string // left out of lists
	VersionId        string
	IsDefaultVersion bool
	CreateDate       time.Time
}

func (m *managed) versionOutput(v policyVersion) versionOutput {
	return versionOutput{VersionId: v.id(), IsDefaultVersion: v.number == m.chosen, CreateDate: v.created}
}

// readManaged reads the text of a managed policy.
func readManaged(name, text string) (document, error) {
	d, err := readDocument(policy.Identity, name, text)
	if err == nil && d.size() > maxManagedSize {
		return d, limitExceeded("Cannot exceed quota for PolicySize: %d", maxManagedSize)
	}
	return d, err
}

type createPolicyVersionInput struct {
	PolicyArn      string `aws:"required"`
	PolicyDocument string `aws:"required"`
	SetAsDefault   bool
}

func (s *Store) createPolicyVersion(call *awshttp.Call, in createPolicyVersionInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		d, err := readManaged(m.name, in.PolicyDocument)
		if err != nil {
			return nil, err
		}
		if len(m.versions) == maxPolicyVersions {
			return nil, limitExceeded("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxPolicyVersions)
		}
		v := policyVersion{m.versions[len(m.versions)-1].number + 1, d, s.now()}
		m.versions = append(m.versions, v)
		if in.SetAsDefault {
			m.chosen = v.number
		}
		return struct{ PolicyVersion versionOutput }{m.versionOutput(v)}, nil
	})
}

type policyVersionInput struct {
	PolicyArn string `aws:"required"`
	VersionId string `aws:"required"`
}

func (s *Store) getPolicyVersion(call *awshttp.Call, in policyVersionInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		v, err := m.version(in.VersionId)
		if err != nil {
			return nil, err
		}
		out := m.versionOutput(v)
		out.Document = new(encoded(v.document))
		return struct{ PolicyVersion versionOutput }{out}, nil
	})
}

// deletePolicyVersion removes any version but the default one.
func (s *Store) deletePolicyVersion(call *awshttp.Call, in policyVersionInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		v, err := m.version(in.VersionId)
		if err != nil {
			return nil, err
		}
		if v.number == m.chosen {
			return nil, deleteConflict("Cannot delete the default version of a policy.")
		}
		m.versions = slices.DeleteFunc(m.versions, func(other policyVersion) bool { return other.number == v.number })
		return nil, nil
	})
}

type listPolicyVersionsInput struct {
	PolicyArn string `aws:"required"`
	paging
}

// listPolicyVersions answers the latest version first.
func (s *Store) listPolicyVersions(call *awshttp.Call, in listPolicyVersionsInput) (any, error) {
	return s.onPolicy(call, in.PolicyArn, func(m *managed) (any, error) {
		all := []versionOutput{}
		for _, v := range slices.Backward(m.versions) {
			all = append(all, m.versionOutput(v))
		}
		return struct {
			Versions []versionOutput
			page
		}{all, page{}}, nil
	})
}
