package redshiftdata

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// pageRows is how many rows one answer of GetStatementResult has.
const pageRows = 1000

// A result is what one SQL statement gave.
type result struct {
	columns []column // nil if it has no result set
	records [][]field
	rows    int64 // read or changed
	size    int64 // bytes of the values
}

func (r *result) hasSet() bool { return r != nil && r.columns != nil }

// A column is metadata of a result.
type column struct {
	Name            string `json:"name"`
	Label           string `json:"label"`
	TypeName        string `json:"typeName"`
	IsSigned        bool   `json:"isSigned"`
	IsCaseSensitive bool   `json:"isCaseSensitive"`
	Nullable        int    `json:"nullable"`
	Length          int    `json:"length"`
}

// A field is one value; exactly one member is set.
type field struct {
	IsNull       *bool   `json:"isNull"`
	LongValue    *int64  `json:"longValue"`
	DoubleValue  any     `json:"doubleValue"` // a number, or the name of one that JSON does not have
	BooleanValue *bool   `json:"booleanValue"`
	BlobValue    []byte  `json:"blobValue"`
	StringValue  *string `json:"stringValue"`
}

// nullableUnknown is what java.sql.ResultSetMetaData calls columnNullableUnknown, whose numbers the API uses.
const nullableUnknown = 2

// read makes a result of what PostgreSQL answers, every value as text.
func read(conn *pgx.Conn, reader *pgconn.ResultReader) (*result, error) {
	answer := reader.Read()
	if answer.Err != nil {
		return nil, answer.Err
	}
	r := &result{rows: answer.CommandTag.RowsAffected()}
	fields := reader.FieldDescriptions() // the answer has them only if it has rows
	for _, d := range fields {
		c := column{Name: d.Name, Label: d.Name, TypeName: "unknown", IsCaseSensitive: true, Nullable: nullableUnknown, Length: max(0, int(d.DataTypeSize))}
		if t, ok := conn.TypeMap().TypeForOID(d.DataTypeOID); ok {
			c.TypeName = t.Name
		}
		switch d.DataTypeOID {
		case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID:
			c.IsSigned, c.IsCaseSensitive = true, false
		}
		r.columns = append(r.columns, c)
	}
	for _, row := range answer.Rows {
		record := make([]field, len(row))
		for i, value := range row {
			record[i] = newField(fields[i].DataTypeOID, value)
			r.size += int64(len(value))
		}
		r.records = append(r.records, record)
	}
	return r, nil
}

// newField types a value in PostgreSQL's text form; nil is NULL. A text that does not parse stays a string.
func newField(oid uint32, value []byte) field {
	if value == nil {
		return field{IsNull: new(true)}
	}
	text := string(value)
	switch oid {
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return field{LongValue: &n}
		}
	case pgtype.Float4OID, pgtype.Float8OID:
		switch text {
		case "NaN", "Infinity", "-Infinity":
			return field{DoubleValue: text}
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return field{DoubleValue: f}
		}
	case pgtype.BoolOID:
		return field{BooleanValue: new(text == "t")}
	case pgtype.ByteaOID:
		if blob, err := hex.DecodeString(strings.TrimPrefix(text, `\x`)); err == nil {
			return field{BlobValue: blob}
		}
	}
	return field{StringValue: &text}
}

func (s *Service) getStatementResult(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		Id        string `aws:"required"`
		NextToken string
	}
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, number, err := s.find(call, in.Id)
	if err != nil {
		return nil, err
	}
	p := st.parts[max(number, 0)]
	if st.batch && number < 0 || st.status != finished || !p.result.hasSet() {
		return nil, &awshttp.Error{Code: "ResourceNotFoundException", Message: "Query does not have result. Please check query status with DescribeStatement."}
	}
	from := 0
	if in.NextToken != "" {
		if from, err = strconv.Atoi(in.NextToken); err != nil || from < 0 || from > len(p.result.records) {
			return nil, invalid("NextToken is not one that was answered.")
		}
	}
	out := struct {
		ColumnMetadata []column
		Records        [][]field
		TotalNumRows   int
		NextToken      string `json:",omitempty"`
	}{ColumnMetadata: p.result.columns, Records: [][]field{}, TotalNumRows: len(p.result.records)}
	to := min(from+pageRows, len(p.result.records))
	out.Records = append(out.Records, p.result.records[from:to]...)
	if to < len(p.result.records) {
		out.NextToken = strconv.Itoa(to)
	}
	return out, nil
}
