package world

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The ready-made source: an operational database whose orders name the warehouse's venues.
const (
	Orders         = "orders-prod" // instance identifier
	OrdersDatabase = "orders"
)

// IAMDelay is how long a change of IAM takes to be seen by others in a world with sources.
const IAMDelay = 8 * time.Second

var ordersTables = []string{"customers", "orders"}

const orders = `
CREATE TABLE customers (customerid integer PRIMARY KEY, name varchar(60) NOT NULL);
CREATE TABLE orders (
	orderid integer PRIMARY KEY, customerid integer NOT NULL REFERENCES customers, venueid integer NOT NULL, seats smallint NOT NULL,
	note text, placed timestamptz NOT NULL
);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Edsger');
INSERT INTO orders
	SELECT n, 1 + n % 3, 1 + n % 3, 1 + n % 5, 'order ' || n, timestamptz '2026-01-01 09:00Z' + n * interval '7 hours'
	FROM generate_series(1, 9) AS n;
`

// addOrders adds the source. RDS manages the secret of its master user, and its security group takes rules of Sluice.
func (w *World) addOrders(ctx context.Context) error {
	if _, err := w.AddSource(ctx, Source{
		Identifier: Orders, Database: OrdersDatabase, Managed: true, GroupTags: map[string]string{"sluice:ingress": "allow"},
	}); err != nil {
		return err
	}
	return w.FurnishSource(ctx, Orders, orders)
}

// FurnishSource runs statements in a source as its master user, who then owns what they make.
func (w *World) FurnishSource(ctx context.Context, identifier, statements string) error {
	s, err := w.Sources.Find(identifier)
	if err != nil {
		return err
	}
	conn, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SET ROLE "+pgx.Identifier{s.Master()}.Sanitize()+";"+statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("furnish source %s: %w", identifier, err)
	}
	return nil
}
