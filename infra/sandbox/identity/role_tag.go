package identity

import "github.com/sluicehq/sluice/infra/sandbox/awshttp"

type tagRoleInput struct {
	RoleName string `aws:"required"`
	Tags     []tag  `aws:"required"`
}

func (s *Store) tagRole(call *awshttp.Call, in tagRoleInput) (any, error) {
	return s.changeRole(call, in.RoleName, tagContext(in.Tags), func(r *role) (any, error) {
		return nil, r.addTags(in.Tags)
	})
}

type untagRoleInput struct {
	RoleName string   `aws:"required"`
	TagKeys  []string `aws:"required"`
}

func (s *Store) untagRole(call *awshttp.Call, in untagRoleInput) (any, error) {
	return s.changeRole(call, in.RoleName, map[string][]string{"aws:TagKeys": in.TagKeys}, func(r *role) (any, error) {
		for _, key := range in.TagKeys {
			delete(r.tags, key)
		}
		return nil, nil
	})
}

func (s *Store) listRoleTags(call *awshttp.Call, in roleListInput) (any, error) {
	return s.onRole(call, in.RoleName, nil, func(r *role) (any, error) {
		items, more, err := cut(tagList(r.tags), func(t tag) string { return t.Key }, in.paging)
		return struct {
			Tags []tag
			page
		}{items, more}, err
	})
}
