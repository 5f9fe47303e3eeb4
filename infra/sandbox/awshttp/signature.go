package awshttp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"

	// maxSkew is how far AWS lets the time of a signature lie from its own.
	maxSkew = 15 * time.Minute
)

// A signature is what the Authorization header of a request claims.
// Source: IAM User Guide, "Create a signed AWS API request".
type signature struct {
	accessKey, token            string
	date, region, service       string // credential scope
	signedHeaders               []string
	value                       string // hex
	at                          time.Time
	accessKeyScope, requestTime string // as they came, for the string to sign
}

func incomplete(format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Code: "IncompleteSignatureException", Message: fmt.Sprintf(format, args...)}
}

// parseSignature reads the claim without believing it.
func parseSignature(r *http.Request) (signature, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return signature{}, &Error{Status: http.StatusForbidden, Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	fields, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, incomplete("Unsupported AWS 'algorithm': the sandbox verifies %s", algorithm)
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return signature{}, incomplete("Authorization header requires '%s' parameter", name)
		}
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return signature{}, incomplete("Credential must have the form key/date/region/service/aws4_request")
	}
	s := signature{
		accessKey: scope[0], token: r.Header.Get("X-Amz-Security-Token"),
		date: scope[1], region: scope[2], service: scope[3],
		signedHeaders:  strings.Split(parts["SignedHeaders"], ";"),
		value:          parts["Signature"],
		accessKeyScope: strings.Join(scope[1:], "/"),
		requestTime:    r.Header.Get("X-Amz-Date"),
	}
	at, err := time.Parse(timeFormat, s.requestTime)
	if err != nil || !strings.HasPrefix(s.requestTime, s.date) {
		return s, incomplete("X-Amz-Date must have the form %s and lie on the day of the credential scope", timeFormat)
	}
	s.at = at
	return s, nil
}

// verify checks that key made the signature over this request, and that it is fresh.
func (s signature) verify(r *http.Request, body []byte, key string, now time.Time) error {
	if err := s.covers(r); err != nil {
		return err
	}
	payload := hash(body)
	if claimed := r.Header.Get("X-Amz-Content-Sha256"); claimed != "" && claimed != payload {
		// UNSIGNED-PAYLOAD ends here too: no service of the sandbox allows it.
		return mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	toSign := strings.Join([]string{algorithm, s.requestTime, s.accessKeyScope, hash([]byte(s.canonical(r, payload)))}, "\n")
	signingKey := []byte("AWS4" + key)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request", toSign} {
		signingKey = mac(signingKey, part)
	}
	// hmac.Equal takes the same time wherever the two differ.
	if !hmac.Equal([]byte(hex.EncodeToString(signingKey)), []byte(s.value)) {
		return mismatch("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method.")
	}
	return s.fresh(now)
}

// covers checks that the host and all headers that AWS gives a meaning are under the signature.
func (s signature) covers(r *http.Request) error {
	required := []string{"host"}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			required = append(required, name)
		}
	}
	for _, name := range required {
		if !slices.Contains(s.signedHeaders, name) {
			return mismatch("'" + name + "' must be a signed header.")
		}
	}
	return nil
}

// fresh checks the time of the signature. The sandbox's clock runs ahead of the machine's, and a client follows it by
// the Date of its last answer: any time between the two clocks comes from an honest client.
func (s signature) fresh(now time.Time) error {
	earliest, latest := time.Now().Add(-maxSkew), now.Add(maxSkew)
	if s.at.Before(earliest) {
		return mismatch(fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 15 min.)",
			s.requestTime, earliest.UTC().Format(timeFormat), time.Now().UTC().Format(timeFormat)))
	}
	if s.at.After(latest) {
		return mismatch(fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 15 min.)",
			s.requestTime, latest.Format(timeFormat), now.Format(timeFormat)))
	}
	return nil
}

func mismatch(message string) error {
	return &Error{Status: http.StatusForbidden, Code: "InvalidSignatureException", Message: message}
}

// canonical is the canonical request.
func (s signature) canonical(r *http.Request, payload string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	// The path is encoded once more than it was on the wire: all services but S3 have it so.
	lines := []string{r.Method, escape(path, true), canonicalQuery(r.URL.Query())}
	for _, name := range s.signedHeaders {
		lines = append(lines, name+":"+canonicalHeader(r, name))
	}
	return strings.Join(append(lines, "", strings.Join(s.signedHeaders, ";"), payload), "\n")
}

// canonicalHeader is the value of a header under the signature. net/http takes two of them out of the map.
func canonicalHeader(r *http.Request, name string) string {
	var values []string
	switch name {
	case "host":
		values = []string{r.Host}
	case "content-length":
		values = []string{strconv.FormatInt(r.ContentLength, 10)}
	default:
		values = r.Header.Values(name)
	}
	cleaned := make([]string, len(values))
	for i, v := range values {
		cleaned[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(cleaned, ",")
}

// canonicalQuery sorts by the encoded form, as the specification has it.
func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, escape(name, false)+"="+escape(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escape is AWS's URI encoding: everything but unreserved characters, and slashes if they are kept.
func escape(s string, keepSlash bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0, c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, data string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(data))
	return m.Sum(nil)
}
