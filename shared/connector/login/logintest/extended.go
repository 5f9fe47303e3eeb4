package logintest

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgproto3"
)

// bigint is the type that the endpoint takes every argument for: one that pgx sends in binary if it may.
const bigint = 20

// describe says what arguments a statement has, and what columns.
func (s *session) describe(m *pgproto3.Describe) {
	if m.ObjectType == 'S' {
		s.wire.Send(&pgproto3.ParameterDescription{ParameterOIDs: slices.Repeat([]uint32{bigint}, arguments(s.statements[m.Name]))})
	}
	for _, a := range s.endpoint.Answer {
		if columns, ok := a.(*pgproto3.RowDescription); ok {
			s.wire.Send(columns)
			return
		}
	}
	s.wire.Send(&pgproto3.NoData{})
}

func (s *session) bind(m *pgproto3.Bind) {
	q := Query{SQL: s.statements[m.PreparedStatement], Statement: m.PreparedStatement,
		Binary: slices.Contains(m.ParameterFormatCodes, 1) || slices.Contains(m.ResultFormatCodes, 1)}
	for _, p := range m.Parameters {
		if p == nil {
			q.Arguments = append(q.Arguments, nil)
		} else {
			q.Arguments = append(q.Arguments, string(p))
		}
	}
	s.note(func(e *Endpoint) { e.queries = append(e.queries, q) })
	s.wire.Send(&pgproto3.BindComplete{})
}

// execute sends the answer but its columns, which were described.
func (s *session) execute() {
	for _, a := range s.endpoint.Answer {
		switch a.(type) {
		case *pgproto3.RowDescription:
			continue
		case *pgproto3.ErrorResponse:
			s.failed = true
		}
		s.wire.Send(a)
	}
}

// arguments is the highest number of an argument in a statement.
func arguments(sql string) int {
	highest := 0
	for _, found := range argument.FindAllStringSubmatch(sql, -1) {
		if n, err := strconv.Atoi(found[1]); err == nil {
			highest = max(highest, n)
		}
	}
	return highest
}

var argument = regexp.MustCompile(`\$(\d+)`)
