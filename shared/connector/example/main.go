// Command example is a small program that queries a warehouse with logins that never go stale. It takes its properties from one
// variable, so that the same program runs with a profile, with the role of an instance or a container, or with a consumer's secret:
//
//	WAREHOUSE='IAM=1;ClusterID=examplecluster;Database=exampledb;DbUser=app_reports;Profile=reports' example 'SELECT * FROM venue'
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sluicehq/sluice/shared/connector"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: WAREHOUSE=PROPERTIES example QUERY")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, log, os.Stdout, os.Getenv("WAREHOUSE"), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, advice(err))
		os.Exit(1)
	}
}

// run opens the database once, as a program does when it starts, and queries it.
func run(ctx context.Context, log *slog.Logger, out io.Writer, properties, query string) error {
	db, err := connector.Open(properties, connector.WithLogger(log)) // the log says what may surprise in the properties
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	// The pool is an ordinary one: a connection may outlive the login that opened it, and the next one gets a login that is good.
	db.SetMaxOpenConns(4)
	db.SetConnMaxLifetime(time.Hour)

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return show(out, rows)
}

// show writes a row as a line, with tabs between its columns.
func show(out io.Writer, rows *sql.Rows) error {
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	texts := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range texts {
		into[i] = &texts[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		line := make([]string, len(columns))
		for i, text := range texts {
			line[i] = "-" // NULL
			if text.Valid {
				line[i] = text.String
			}
		}
		fmt.Fprintln(out, strings.Join(line, "\t"))
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
