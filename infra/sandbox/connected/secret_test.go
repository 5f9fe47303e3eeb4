package connected_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/settings"
)

// What a secret holds counts only if it is a login, and says itself where to.
func TestConsumersSecret(t *testing.T) {
	s := begin(t)
	good := s.lease()
	book.hide(good.Password.Reveal())
	elsewhere, ended := good, good
	elsewhere.Port = 1
	ended.ExpiresAt = s.Clock.Now().Add(-time.Minute)
	text := good.Encode().Reveal()
	for _, tc := range []struct {
		name, value string
		more        map[string]string
		reason      string
		says        []string
	}{
		{name: "a lease", value: text},
		{"a lease for a port where nobody is", elsewhere.Encode().Reveal(), nil, "Unreachable", []string{"localhost:1"}},
		{name: "the same with another port", value: elsewhere.Encode().Reveal(), more: map[string]string{"Server": s.Warehouse.Host(), "Port": port(s.Warehouse.Port())}},
		{"another database", text, map[string]string{"Database": "nowhere"}, "DatabaseMissing", []string{"nowhere"}},
		{"the placeholder of a deployment", settings.Placeholder, nil, awslease.NoLease, []string{"it holds no login yet", "rotate"}},
		{"a lease that has ended", ended.Encode().Reveal(), nil, awslease.LeaseExpired, []string{"ended at", "why the secret is not rotated"}},
		{"a login that does not end", strings.Replace(text, "expiresAt", "otherwise", 1), nil, "", nil},
		{"a login of another engine", strings.Replace(text, `"redshift"`, `"postgres"`, 1), nil, awslease.NotALease, []string{"engine is not redshift"}},
		{"names of somebody else's", `{"user":"me","pass":"correct-horse-battery"}`, nil, awslease.NotALease, []string{"username or password"}},
		{"no JSON", "correct-horse-battery", nil, awslease.NotALease, []string{"not the JSON object"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			p := properties(map[string]string{"SecretID": s.secret(tc.value), "Region": "us-east-1", "CaFile": s.authority()}, s.operatorKey(), tc.more)
			if tc.reason == "" {
				s.is(world.User, p)
				return
			}
			s.says(s.fails(p, tc.reason, "GetSecretValue"), tc.says...)
		})
	}
	book.hide("correct-horse-battery")
	s.says(s.fails(map[string]string{"SecretID": "sluice/nobody", "Region": "us-east-1", "AccessKeyID": s.Operator.AccessKeyID,
		"SecretAccessKey": s.Operator.SecretAccessKey.Reveal()}, awslease.SecretMissing, "GetSecretValue"), "sluice/nobody", "correct SecretID")
}
