package endtoend_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A function that dies in one of its own calls, whether or not that had an effect, leaves nothing that the next tick does
// not put right.
func TestFunctionDiesInACall(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.alone()
	for _, kind := range []awshttp.Kind{awshttp.KilledBefore, awshttp.KilledAfter} {
		s.run(string(kind), func(s *stage) {
			s.wait()
			kept, token := s.read(s.reporting), s.begin()
			s.must(s.AWS.Faults().Add(awshttp.Fault{Service: "secretsmanager", Operation: "PutSecretValue", Principal: s.rotate.by.ARN, Kind: kind, Count: 1}))
			s.refused(s.step("createSecret", token), "Runtime.ExitError")
			if left := s.AWS.Faults().List(); len(left) > 0 {
				s.t.Errorf("the fault hit no call: %+v", left)
			}
			_, err := s.secrets.GetSecretValue(s.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &s.reporting, VersionId: &token})
			if stored := err == nil; stored != (kind == awshttp.KilledAfter) {
				s.t.Errorf("a value was stored: %v (%v)", stored, err)
			}
			s.ticks("Consumerreporting", true)
			s.pass(4 * everyN)
			s.healed(kept)
		})
	}
}
