package credentialsource

import (
	"crypto/rand"

	"github.com/sluicehq/sluice/shared/secret"
)

// newToken makes a token that nobody can guess.
func newToken() secret.Value { return secret.New(rand.Text() + rand.Text()) }
