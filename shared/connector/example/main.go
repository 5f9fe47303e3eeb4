// Command example is a small program that talks to a warehouse with logins that never go stale. It takes its properties as one
// string, so that the same program runs with a profile, an instance profile, a role, or a consumer's secret.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sluicehq/sluice/shared/connector"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, `usage: example PROPERTIES QUERY, for example 'Server=…;IAM=1;DbUser=…;Database=…' 'SELECT current_user'`)
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, advice(err))
		os.Exit(1)
	}
}

// run opens the database once, as a program does at its start, and queries it.
func run(ctx context.Context, properties, query string) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)) // says what may surprise in the properties
	db, err := connector.Open(properties, connector.WithLogger(log))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	// Connections may live for longer than logins: the password is asked for at the beginning alone.
	db.SetMaxOpenConns(4)
	db.SetConnMaxLifetime(time.Hour)

	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return show(rows)
}

// show prints a table as text.
func show(rows *sql.Rows) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.NullString)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return err
		}
		for i, name := range columns {
			fmt.Printf("%s=%s ", name, values[i].(*sql.NullString).String)
		}
		fmt.Println()
	}
	return rows.Err()
}

// advice tells apart what a program can do something about.
func advice(err error) string {
	switch {
	case errors.Is(err, connector.ErrUnreachable), errors.Is(err, connector.ErrBusy):
		return "try again later: " + err.Error()
	case errors.Is(err, connector.ErrUserMissing), errors.Is(err, connector.ErrGroupMissing):
		return "ask who runs the warehouse: " + err.Error()
	}
	return err.Error()
}
