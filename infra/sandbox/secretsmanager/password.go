package secretsmanager

import (
	"context"
	"crypto/rand"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/shared/secret"
)

const (
	defaultPasswordLength = 32
	maxPasswordLength     = 4096
)

type randomPasswordInput struct {
	ExcludeCharacters                                         *string
	ExcludeLowercase, ExcludeUppercase, ExcludeNumbers        *bool
	ExcludePunctuation, IncludeSpace, RequireEachIncludedType *bool
	PasswordLength                                            *int64
}

func (s *Service) getRandomPassword(_ context.Context, call *awshttp.Call) (any, error) {
	var in randomPasswordInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	if err := call.Authorize(anySecret("GetRandomPassword")); err != nil {
		return nil, err
	}
	length := int64(defaultPasswordLength)
	if in.PasswordLength != nil {
		length = *in.PasswordLength
	}
	if length < 1 || length > maxPasswordLength {
		return nil, invalidParameter("PasswordLength must be between 1 and %d.", maxPasswordLength)
	}
	password, err := in.generate(int(length))
	if err != nil {
		return nil, err
	}
	s.made.add(secret.New(password))
	return struct{ RandomPassword string }{password}, nil
}

// passwords are those that GetRandomPassword ever answered.
type passwords struct {
	mu  sync.Mutex
	all []secret.Value
}

func (p *passwords) add(password secret.Value) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, password)
}

// Passwords returns every password that GetRandomPassword ever answered, so that a test can search all output for them.
func (s *Service) Passwords() []secret.Value {
	s.made.mu.Lock()
	defer s.made.mu.Unlock()
	return slices.Clone(s.made.all)
}

// types are the kinds of characters that the password may have, without those that are excluded one by one.
func (in randomPasswordInput) types() []string {
	on := func(flag *bool, otherwise bool) bool {
		if flag == nil {
			return otherwise
		}
		return *flag
	}
	var types []string
	for _, t := range []struct {
		chars string
		use   bool
	}{
		{"abcdefghijklmnopqrstuvwxyz", !on(in.ExcludeLowercase, false)},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", !on(in.ExcludeUppercase, false)},
		{"0123456789", !on(in.ExcludeNumbers, false)},
		{"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", !on(in.ExcludePunctuation, false)},
		{" ", on(in.IncludeSpace, false)},
	} {
		chars := strings.Map(func(c rune) rune {
			if in.ExcludeCharacters != nil && strings.ContainsRune(*in.ExcludeCharacters, c) {
				return -1
			}
			return c
		}, t.chars)
		if t.use && chars != "" {
			types = append(types, chars)
		}
	}
	return types
}

func (in randomPasswordInput) generate(length int) (string, error) {
	types := in.types()
	if len(types) == 0 {
		return "", invalidParameter("No characters are left that the password could have.")
	}
	password := make([]byte, 0, length)
	if in.RequireEachIncludedType == nil || *in.RequireEachIncludedType {
		if length < len(types) {
			return "", invalidParameter("PasswordLength must be at least %d to have each included type.", len(types))
		}
		for _, t := range types {
			password = append(password, t[random(len(t))])
		}
	}
	for all := strings.Join(types, ""); len(password) < length; {
		password = append(password, all[random(len(all))])
	}
	for i := len(password) - 1; i > 0; i-- { // or the types would stand in their order
		j := random(i + 1)
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

// random is a number in [0, n) that nobody can guess.
func random(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails
	return int(i.Int64())
}
