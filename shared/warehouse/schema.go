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
	Is       ExternalSchema   // its options, if Postgres
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

// readOptions reads esoptions. A missing key means its default.
func readOptions(text string) (ExternalSchema, error) {
	var options map[string]any
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return ExternalSchema{}, fmt.Errorf("they are no JSON: %w", err)
	}
	read := func(key, missing string) string {
		v, ok := options[key]
		if !ok {
			return missing
		}
		return strings.TrimSpace(fmt.Sprint(v)) // PORT is a number or a string
	}
	return ExternalSchema{
		RemoteSchema: read("SCHEMA", "public"), Host: read("URI", ""), Port: number(read("PORT", "5432")),
		Role: read("IAM_ROLE", ""), Secret: read("SECRET_ARN", ""),
	}, nil
}
