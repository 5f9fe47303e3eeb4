package warehouse

import (
	"encoding/json"
	"fmt"
	"strings"
)

// A Schema is what the warehouse says of a schema name.
type Schema struct {
	Exists   bool             // a schema of any kind has the name
	External bool             // and it is external
	Postgres bool             // and reads from PostgreSQL
	Is       ExternalSchema   // its options, if Postgres; those that the warehouse does not tell are zero
	Usage    map[Grantee]bool // who has usage
}

// ReadSchema reads the rows of [Look] for a schema.
func ReadSchema(name string, rows [][]string) (Schema, error) {
	s := Schema{Usage: make(map[Grantee]bool)}
	for _, row := range rows {
		if len(row) != 4 {
			return Schema{}, fmt.Errorf("read schema %s: a row has %d columns, of 4", name, len(row))
		}
		switch row[0] {
		case "schema":
			s.Exists = true
		case "external":
			s.Exists, s.External, s.Postgres = true, true, number(row[1]) == kindPostgres
			if !s.Postgres {
				continue // options of other kinds are none of ours
			}
			is, err := readOptions(row[3])
			if err != nil {
				return Schema{}, fmt.Errorf("read the options of schema %s: %w", name, err)
			}
			is.Name, is.Database = name, strings.TrimSpace(row[2])
			s.Is = is
		case "grant":
			kind, who := strings.ToLower(strings.TrimSpace(row[1])), strings.TrimSpace(row[2])
			switch kind {
			case "public":
				s.Usage[Public] = true
			case "group", "role", "user":
				s.Usage[Grantee(kind+":"+who)] = true
			} // a data share, or what comes later, has no usage that we could give
		}
	}
	return s, nil
}

// Fits reports whether the schema is as it shall be, as far as the warehouse tells.
func (s Schema) Fits(want ExternalSchema) bool {
	is := s.Is
	is.Name = want.Name
	for _, text := range []struct{ is, want *string }{
		{&is.Database, &want.Database}, {&is.RemoteSchema, &want.RemoteSchema}, {&is.Host, &want.Host}, {&is.Role, &want.Role}, {&is.Secret, &want.Secret},
	} {
		if *text.is == "" {
			*text.is = *text.want
		}
	}
	if is.Port == 0 {
		is.Port = want.Port
	}
	return s.Postgres && is == want
}

// readOptions reads esoptions. AWS documents no more of them than that they are JSON with an IAM_ROLE: case and underscores of the
// keys do not matter here, and what is missing is not told.
//
// Source: Amazon Redshift Database Developer Guide, PG_EXTERNAL_SCHEMA.
func readOptions(text string) (ExternalSchema, error) {
	var options map[string]any
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return ExternalSchema{}, fmt.Errorf("they are no JSON: %w", err)
	}
	told := make(map[string]string)
	for key, value := range options {
		if value != nil {
			told[strings.ToUpper(strings.ReplaceAll(key, "_", ""))] = strings.TrimSpace(fmt.Sprint(value)) // PORT is a number or a string
		}
	}
	return ExternalSchema{RemoteSchema: told["SCHEMA"], Host: told["URI"], Port: number(told["PORT"]), Role: told["IAMROLE"], Secret: told["SECRETARN"]}, nil
}
