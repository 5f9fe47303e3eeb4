package federated

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed prelude.sql
var prelude string

// Furnish gives a database what external schemas and those who ask about them need: Redshift's system views and functions.
// admin is a session of PostgreSQL's superuser in it. To do it again does no harm.
func Furnish(ctx context.Context, admin *pgx.Conn) error {
	if _, err := admin.Exec(ctx, prelude, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("make Redshift's system views: %w", err)
	}
	return nil
}
