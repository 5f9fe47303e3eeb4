package settings

// Login is what the function is told that keeps logins in sources.
type Login struct {
	Stage string // deployment that the function belongs to, for its log
}

// Env is l as environment variables.
func (l Login) Env() map[string]string { return map[string]string{envStage: l.Stage} }

// LoadLogin reads what [Login.Env] wrote. Its error is a [fault.Problems] with all that is missing or wrong.
func LoadLogin(lookup func(string) (string, bool)) (Login, error) {
	l := loader{lookup: lookup}
	s := Login{Stage: l.text(envStage)}
	return s, l.problems.Err()
}
