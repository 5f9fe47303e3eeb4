package access

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/shared/fault"
)

// maxRolePolicy is how many characters the policies written into a role may have together, without white space.
//
// Source: AWS Identity and Access Management User Guide, "IAM and AWS STS quotas".
const maxRolePolicy = 10240

// Problems returns the roles of s whose permissions IAM would refuse for their size. What only the deployment knows
// is counted at the length that it will have.
func Problems(s config.Stage) fault.Problems {
	arn := func(service, resource string) string { return arn(s, service, resource) }
	logs := arn("logs", "log-group:/sluice/"+s.Name+"/"+strings.Repeat("x", 64)+":*")
	secrets := make(map[string]string)
	for _, name := range s.ConsumerNames() {
		secrets[name] = arn("secretsmanager", "secret:"+s.SecretName(name)+"-AbCdEf")
	}
	refresh := Resources{Bus: arn("events", "event-bus/"+s.Bus()), Logs: logs}
	var problems fault.Problems
	for _, name := range s.WarehousesInUse() {
		rotate := Resources{Secrets: SecretsOf(s, name, secrets), Bus: refresh.Bus, Logs: logs}
		if n := size(Rotate(s, name, rotate)); n > maxRolePolicy {
			problems = append(problems, tooLong("warehouses."+name+".allow", n, "use patterns of users, or split the warehouse"))
		}
		refresh.Secrets = append(refresh.Secrets, rotate.Secrets...)
		refresh.Functions = append(refresh.Functions, arn("lambda", "function:"+strings.Repeat("x", 64)))
	}
	if n := size(Refresh(s, refresh)); n > maxRolePolicy {
		problems = append(problems, tooLong("warehouses", n, "split them into several stages"))
	}
	if s.Federation != nil {
		provision := Provision(s, Federation{
			Work: arn("sqs", s.Queue()), Dead: arn("sqs", s.DeadLetters()), Table: arn("dynamodb", "table/"+s.Table()), Login: arn("lambda", "function:"+s.LoginFunction()),
			Boundary: s.Provision().Boundary, Bus: refresh.Bus, Logs: logs,
		})
		if n := size(provision); n > maxRolePolicy {
			problems = append(problems, tooLong("federation.warehouses", n, "split them into several stages"))
		}
	}
	return problems
}

func tooLong(where string, n int, fix string) fault.Problem {
	return fault.Problem{Where: where, What: fmt.Sprintf("make a role's policy of %d characters, and IAM takes %d", n, maxRolePolicy), Fix: fix}
}

func size(statements []Statement) int {
	text, err := json.Marshal(Document(statements))
	if err != nil {
		panic(fmt.Sprintf("access: encode policy: %v", err)) // strings and lists always encode
	}
	return len(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(text)))
}
