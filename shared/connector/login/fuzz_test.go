package login_test

import (
	"bytes"
	"testing"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/connector/login/logintest"
)

// A file is authorities or an error, and never trust in nobody.
func FuzzRootsFrom(f *testing.F) {
	good := logintest.NewAuthority("fuzz").PEM()
	for _, seed := range [][]byte{nil, good, append(bytes.Clone(good), good...), good[:len(good)/2], bytes.ReplaceAll(good, []byte("M"), []byte("A")), []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		pool, err := login.RootsFrom(text)
		if (pool == nil) != (err != nil) {
			t.Errorf("%v with the error %v", pool, err)
		}
	})
}
