package main

import "testing"

// Whatever is written in place of an object, it has members or what is wrong is said.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"iam": true, "port": 5439, "db_groups": ["a", 1]}`, `{"iam": {}}`, `{"a": null}`, `{"a": "b"} {"c": "d"}`, `{"a`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if all, err := members(text); err == nil && all == nil {
			t.Error("neither members nor an error")
		}
	})
}
