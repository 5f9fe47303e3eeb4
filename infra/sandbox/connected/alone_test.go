package connected_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/sluicehq/sluice/shared/connector"
)

// alone is the variable in which a program finds its properties as JSON. The SDK learns only once, at the start of a program,
// where home is; so a test of that needs a program of its own, and this one is at hand.
const alone = "SLUICE_TEST_CONNECT"

// connectAlone is that program: it prints who is logged in.
func connectAlone() bool {
	text := os.Getenv(alone)
	if text == "" {
		return false
	}
	var properties map[string]string
	if err := json.Unmarshal([]byte(text), &properties); err != nil {
		panic(err)
	}
	db, err := connector.Open(properties)
	var user string
	if err == nil {
		err = db.QueryRow("SELECT current_user::text").Scan(&user)
	}
	if err != nil {
		user = "error: " + err.Error()
	}
	fmt.Print(user)
	return true
}

// whoamiAlone runs connectAlone with the environment that the test has.
func (s *scene) whoamiAlone(properties map[string]string) string {
	s.Helper()
	command := exec.CommandContext(s.Context(), must(os.Executable()))
	command.Env = append(os.Environ(), alone+"="+string(must(json.Marshal(properties))))
	out, err := command.CombinedOutput()
	if err != nil {
		s.Fatalf("%v: %s", err, out)
	}
	book.say(string(out))
	return string(out)
}
