package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// newKey gives a user a key. The caller holds s.mu.
func (s *Store) newKey(u *user) Credentials {
	k := accessKey{id: identifier("AKIA", 20), secret: newSecret(30), user: u.name, created: s.now()}
	s.keys[k.id] = k
	return Credentials{AccessKeyID: k.id, SecretAccessKey: k.secret}
}

// keysOf lists the keys of a user in the order of their ids. The caller holds s.mu.
func (s *Store) keysOf(u *user) []accessKey {
	var found []accessKey
	for _, k := range s.keys {
		if k.user == u.name {
			found = append(found, k)
		}
	}
	slices.SortFunc(found, func(a, b accessKey) int { return strings.Compare(a.id, b.id) })
	return found
}

func (s *Store) createAccessKey(call *awshttp.Call, in ownUserInput) (any, error) {
	type key struct {
		UserName, AccessKeyId, Status, SecretAccessKey string
		CreateDate                                     time.Time
	}
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		if len(s.keysOf(u)) == maxKeys {
			return nil, limitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", maxKeys)
		}
		c := s.newKey(u)
		return struct{ AccessKey key }{key{u.name, c.AccessKeyID, "Active", c.SecretAccessKey.Reveal(), s.now()}}, nil
	})
}

type ownKeysInput struct {
	UserName string
	paging
}

func (s *Store) listAccessKeys(call *awshttp.Call, in ownKeysInput) (any, error) {
	type metadata struct {
		UserName, AccessKeyId, Status string
		CreateDate                    time.Time
	}
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		found := []metadata{}
		for _, k := range s.keysOf(u) {
			found = append(found, metadata{u.name, k.id, "Active", k.created})
		}
		items, more, err := cut(found, func(m metadata) string { return m.AccessKeyId }, in.paging)
		return struct {
			AccessKeyMetadata []metadata
			page
		}{items, more}, err
	})
}

type deleteKeyInput struct {
	UserName    string
	AccessKeyId string `aws:"required"`
}

func (s *Store) deleteAccessKey(call *awshttp.Call, in deleteKeyInput) (any, error) {
	return s.onUser(call, in.UserName, nil, func(u *user) (any, error) {
		if k, ok := s.keys[in.AccessKeyId]; !ok || k.user != u.name {
			return nil, noSuchEntity("The Access Key with id %s cannot be found.", in.AccessKeyId)
		}
		delete(s.keys, in.AccessKeyId)
		return nil, nil
	})
}
