package warehouse_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/warehouse"
)

var schema = warehouse.ExternalSchema{
	Name: "orders_live", Database: "orders", RemoteSchema: "public", Host: "db.example.com", Port: 5433,
	Role: "arn:aws:iam::111122223333:role/sluice/test/x", Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf",
}

func TestStatements(t *testing.T) {
	all := []warehouse.Grantee{"group:analysts", "role:bi", "user:alice", "user:IAM:bob", "public"}
	for got, want := range map[string]string{
		schema.Create(): `CREATE EXTERNAL SCHEMA "orders_live" FROM POSTGRES DATABASE 'orders' SCHEMA 'public' URI 'db.example.com' PORT 5433 ` +
			`IAM_ROLE 'arn:aws:iam::111122223333:role/sluice/test/x' SECRET_ARN 'arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf'`,
		warehouse.DropSchema("orders_live"):                            `DROP SCHEMA "orders_live" RESTRICT`,
		warehouse.Grant("s", all):                                      `GRANT USAGE ON SCHEMA "s" TO GROUP "analysts", ROLE "bi", "alice", "IAM:bob", PUBLIC`,
		warehouse.Revoke("s", all[:1]):                                 `REVOKE USAGE ON SCHEMA "s" FROM GROUP "analysts"`,
		warehouse.Tables("s"):                                          `SELECT tablename FROM svv_external_tables WHERE schemaname = 's' ORDER BY CASE WHEN tablename = lower(tablename) THEN 0 ELSE 1 END, tablename LIMIT 1`,
		warehouse.OneRow("s", `odd "name`):                             `SELECT 1 FROM "s"."odd ""name" LIMIT 1`,
		warehouse.Grant("s", []warehouse.Grantee{"datashare:x", "x:"}): `GRANT USAGE ON SCHEMA "s" TO "datashare:x", "x:"`, // never everybody
		strings.Join(warehouse.Federating{User: "sluice", Database: "dev"}.Bootstrap(), ";"): `CREATE USER "sluice" PASSWORD DISABLE;GRANT CREATE ON DATABASE "dev" TO "sluice";` +
			`CREATE ROLE "sluice_catalog";GRANT ACCESS SYSTEM TABLE TO ROLE "sluice_catalog";GRANT ROLE "sluice_catalog" TO "sluice"`,
	} {
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	look := warehouse.Look("s")
	if strings.Count(look, "'s'") != 3 || strings.Contains(look, ";") {
		t.Errorf("%s", look)
	}
}

func TestBadSchema(t *testing.T) {
	for name, good := range map[string]bool{
		"orders_live": true, "_x": true, "a$1": true, strings.Repeat("a", 127): true,
		"": false, "Orders": false, "1a": false, "a-b": false, "pg_orders": false, "select": false, `a"b`: false, "é": false, "a b": false, "$a": false, strings.Repeat("a", 128): false,
	} {
		if why := warehouse.BadSchema(name); (why == "") != good {
			t.Errorf("%q: %q", name, why)
		}
	}
}

func TestReadSchema(t *testing.T) {
	options := `{"SCHEMA":"public","URI":"db.example.com","PORT":5433,"IAM_ROLE":"` + schema.Role + `","SECRET_ARN":"` + schema.Secret + `"}`
	for what, tc := range map[string]struct {
		rows [][]string
		want warehouse.Schema
	}{
		"not there":          {nil, warehouse.Schema{}},
		"of the warehouse":   {[][]string{{"schema", "", "", ""}}, warehouse.Schema{Exists: true}},
		"ours":               {[][]string{{"external", "3", "orders ", options}, {"schema", "", "", ""}}, warehouse.Schema{Exists: true, External: true, Postgres: true, Is: schema}},
		"the port as a text": {[][]string{{"external", "3", "orders", strings.Replace(options, "5433", `"5433"`, 1)}}, warehouse.Schema{Exists: true, External: true, Postgres: true, Is: schema}},
		"not all told": {[][]string{{"external", "3", "orders", `{"uri":"h","SecretArn":"s","OTHER":null}`}},
			warehouse.Schema{Exists: true, External: true, Postgres: true, Is: warehouse.ExternalSchema{Name: "orders_live", Database: "orders", Host: "h", Secret: "s"}}},
		"MySQL":           {[][]string{{"external", "8", "orders", `{"URI":"h"}`}}, warehouse.Schema{Exists: true, External: true}},
		"without options": {[][]string{{"external", "4", "dev", ""}}, warehouse.Schema{Exists: true, External: true}},
		"with usage": {[][]string{{"schema", "", "", ""}, {"grant", "group", "analysts", ""}, {"grant", "public", "public", ""}, {"grant", "user", "IAM:bob ", ""}, {"grant", "datashare", "x", ""}},
			warehouse.Schema{Exists: true, Usage: map[warehouse.Grantee]bool{"group:analysts": true, "public": true, "user:IAM:bob": true}}},
	} {
		if tc.want.Usage == nil {
			tc.want.Usage = map[warehouse.Grantee]bool{}
		}
		if got, err := warehouse.ReadSchema("orders_live", tc.rows); err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", what, got, err, tc.want)
		}
	}
	for what, rows := range map[string][][]string{"short": {{"schema"}}, "no JSON": {{"external", "3", "orders", "URI=h"}}} {
		if _, err := warehouse.ReadSchema("orders_live", rows); err == nil || !strings.Contains(err.Error(), "orders_live") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// tokens reads SQL as Redshift does: words and numbers as they are, names between double quotes, texts between single ones, in
// which a backslash escapes what follows it.
func tokens(t *testing.T, sql string) (out []string) {
	t.Helper()
	for i := 0; i < len(sql); {
		quote := sql[i]
		if quote != '"' && quote != '\'' {
			end := strings.IndexAny(sql[i:], `"'`)
			if end < 0 {
				end = len(sql) - i
			}
			out = append(out, strings.Fields(sql[i:i+end])...)
			i += end
			continue
		}
		var text strings.Builder
		for i++; ; i++ {
			if i >= len(sql) {
				t.Fatalf("%s ends in the midst of a quotation", sql)
			}
			if sql[i] == '\\' && quote == '\'' {
				i++
			} else if sql[i] == quote {
				if i+1 >= len(sql) || sql[i+1] != quote {
					break
				}
				i++
			}
			text.WriteByte(sql[i])
		}
		i++
		out = append(out, string(quote)+text.String())
	}
	return out
}

// Whatever names and texts are, the statement has the same words, and the warehouse reads the same names and texts.
func FuzzQuoting(f *testing.F) {
	for _, s := range []string{"orders", `a"b`, `a""`, "a'b", `a\'; DROP SCHEMA x; --`, `\`, `\\'`, "", "é", "\x00", "a\nb"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		s := warehouse.ExternalSchema{Name: name, Database: text, RemoteSchema: text, Host: text, Port: 1, Role: text, Secret: text}
		want := []string{"CREATE", "EXTERNAL", "SCHEMA", `"` + name, "FROM", "POSTGRES", "DATABASE", "'" + text, "SCHEMA", "'" + text, "URI", "'" + text, "PORT", "1", "IAM_ROLE", "'" + text, "SECRET_ARN", "'" + text}
		if got := tokens(t, s.Create()); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if got := tokens(t, warehouse.OneRow(name, text)); !slices.Equal(got, []string{"SELECT", "1", "FROM", `"` + name, ".", `"` + text, "LIMIT", "1"}) {
			t.Errorf("%q", got)
		}
		if got := tokens(t, warehouse.Grant(name, []warehouse.Grantee{warehouse.Grantee("group:" + text)})); !slices.Equal(got, []string{"GRANT", "USAGE", "ON", "SCHEMA", `"` + name, "TO", "GROUP", `"` + text}) {
			t.Errorf("%q", got)
		}
		got := tokens(t, warehouse.Tables(text))
		if !slices.Contains(got, "'"+text) || len(got) != len(tokens(t, warehouse.Tables("s"))) {
			t.Errorf("%q", got)
		}
	})
}

// What the warehouse does not tell is no difference.
func TestFits(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*warehouse.ExternalSchema)
		want   bool
	}{
		"the same": {func(*warehouse.ExternalSchema) {}, true}, "only the role told": {func(s *warehouse.ExternalSchema) { *s = warehouse.ExternalSchema{Role: s.Role} }, true},
		"database": {func(s *warehouse.ExternalSchema) { s.Database = "x" }, false}, "remote": {func(s *warehouse.ExternalSchema) { s.RemoteSchema = "x" }, false},
		"host": {func(s *warehouse.ExternalSchema) { s.Host = "x" }, false}, "port": {func(s *warehouse.ExternalSchema) { s.Port = 1 }, false},
		"role": {func(s *warehouse.ExternalSchema) { s.Role = "x" }, false}, "secret": {func(s *warehouse.ExternalSchema) { s.Secret = "x" }, false},
	} {
		s := warehouse.Schema{Exists: true, External: true, Postgres: true, Is: schema}
		tc.change(&s.Is)
		if got := s.Fits(schema); got != tc.want {
			t.Errorf("%s: %t", what, got)
		}
	}
	if (warehouse.Schema{Exists: true}).Fits(schema) {
		t.Error("a schema that is not external fits")
	}
}
