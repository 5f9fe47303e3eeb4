package source

import "testing"

func TestRedact(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"SELECT 'a' FROM t", "SELECT 'a' FROM t"},
		{"CREATE ROLE r LOGIN PASSWORD 'secret'", "CREATE ROLE r LOGIN PASSWORD '…'"},
		{"alter role r password 'secret' connection limit 5", "alter role r password '…' connection limit 5"},
		{"ALTER ROLE r PASSWORD\n'secret' VALID UNTIL '2030-01-01'", "ALTER ROLE r PASSWORD '…' VALID UNTIL …"},
		{"ALTER ROLE r PASSWORD NULL; SELECT 1", "ALTER ROLE r PASSWORD NULL; SELECT 1"},
		{`ALTER ROLE r PASSWORD E'se\'secret'`, "ALTER ROLE r PASSWORD E…"},
		{"ALTER ROLE r PASSWORD 'se''secret'", "ALTER ROLE r PASSWORD '…'…"},
		{"ALTER ROLE r PASSWORD $$secret$$", "ALTER ROLE r PASSWORD …"},
		{"ALTER ROLE r PASSWORD /* x */ 'secret'", "ALTER ROLE r PASSWORD /* x */ …"},
		{"DO $$ BEGIN EXECUTE 'ALTER ROLE r PASSWORD ' || quote_literal(' secret'); END $$", "DO $$ BEGIN EXECUTE 'ALTER ROLE r PASSWORD …"},
		{"SELECT 'alter PASSWORD '||' secret'", "SELECT 'alter PASSWORD …"},
	} {
		if got := redact(tc.text); got != tc.want {
			t.Errorf("redact(%q) = %q; want %q", tc.text, got, tc.want)
		}
	}
}
