package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/clock"
	"github.com/sluicehq/sluice/shared/secret"
)

// An Issuer plays an OpenID Connect provider, such as that of a Kubernetes cluster: it signs tokens that say who
// somebody is. It is nothing to the account until [Store.AddIssuer].
type Issuer struct {
	clock *clock.Clock
	url   string
	key   *ecdsa.PrivateKey
}

var issuerURL = regexp.MustCompile(`^https://[a-z0-9.-]+(/[\w.~-]+)*$`)

// NewIssuer returns an issuer with a key of its own. url, for example https://oidc.example.com/id/1, only names it:
// nobody calls it. Conditions of trust policies have it without https:// before :aud and :sub. It panics on a URL
// that cannot be a provider's.
func NewIssuer(c *clock.Clock, url string) *Issuer {
	if !issuerURL.MatchString(url) {
		panic(fmt.Sprintf("new issuer: %q is not https://HOST or https://HOST/PATH in lower case without port and query", url))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("new issuer: %v", err)) // never: random bytes never fail
	}
	return &Issuer{clock: c, url: url, key: key}
}

// ARN is that of the provider in the account: the Federated principal of trust policies.
func (i *Issuer) ARN() string {
	return "arn:" + awshttp.Partition + ":iam::" + awshttp.Account + ":oidc-provider/" + i.name()
}

// name is the provider's in ARNs and condition keys.
func (i *Issuer) name() string { return strings.TrimPrefix(i.url, "https://") }

// claims are what a token says.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"` // seconds since 1970, as the next one
	Expires  int64  `json:"exp"`
}

// Token returns a signed JWT (ES256) that names subject to audience, from now on for life by the sandbox's clock.
func (i *Issuer) Token(subject, audience string, life time.Duration) secret.Value {
	now := i.clock.Now()
	signed := segment(map[string]string{"alg": "ES256", "typ": "JWT"}) + "." +
		segment(claims{i.url, subject, audience, now.Unix(), now.Add(life).Unix()})
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		panic(fmt.Sprintf("sign token of %s: %v", i.url, err)) // never: the key is good
	}
	signature := make([]byte, 2*scalar)
	r.FillBytes(signature[:scalar])
	s.FillBytes(signature[scalar:])
	return secret.New(signed + "." + base64.RawURLEncoding.EncodeToString(signature))
}

// scalar is the size of each half of a signature, in bytes.
// Source: RFC 7518, section 3.4.
const scalar = 32

func segment(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // never: plain strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// signed reports whether the issuer's key made the last segment of a token over the first two.
func (i *Issuer) signed(token string) bool {
	cut := strings.LastIndex(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil || len(signature) != 2*scalar {
		return false
	}
	sum := sha256.Sum256([]byte(token[:cut]))
	r, s := new(big.Int).SetBytes(signature[:scalar]), new(big.Int).SetBytes(signature[scalar:])
	return ecdsa.Verify(&i.key.PublicKey, sum[:], r, s)
}

// readClaims reads what a token says without believing it.
func readClaims(token string) (claims, error) {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return claims{}, fmt.Errorf("token has %d segments; a JWT has 3", len(segments))
	}
	text, err := base64.RawURLEncoding.DecodeString(segments[1])
	if err != nil {
		return claims{}, fmt.Errorf("decode claims: %w", err)
	}
	var c claims
	if err := json.Unmarshal(text, &c); err != nil {
		return claims{}, fmt.Errorf("read claims: %w", err)
	}
	return c, nil
}
