package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/connector"
)

const (
	connectRuns = 5
	connections = 200 // of each side in a run
	resolutions = 10_000
)

// An opening is one side of the comparison: it opens a physical connection and closes it again.
type opening func(context.Context) error

// measureConnecting opens physical connections through package connector and with pgx alone, as the same user over the same
// verified TLS. The connector reads the consumer's secret once; after that it has a login that is good.
func measureConnecting(ctx context.Context, w *world.World) error {
	w.Clock.Settle()
	about, err := w.Control().World(ctx)
	if err != nil {
		return err
	}
	through, err := connector.New(map[string]string{
		"SecretID": secretName, "Region": about.Region, "EndpointUrl": about.Endpoint, "CaFile": about.Authority,
		"AccessKeyID": w.Operator.AccessKeyID, "SecretAccessKey": w.Operator.SecretAccessKey.Reveal(),
	})
	if err != nil {
		return err
	}
	config, err := plain(ctx, w, about.Authority)
	if err != nil {
		return err
	}
	sides := [2]opening{
		func(ctx context.Context) error {
			conn, err := through.Connect(ctx)
			if err != nil {
				return err
			}
			return conn.Close()
		},
		func(ctx context.Context) error {
			conn, err := pgx.ConnectConfig(ctx, config)
			if err != nil {
				return err
			}
			return conn.Close(ctx)
		},
	}
	var took [2][]time.Duration
	var ratios []float64
	for range connectRuns {
		run, err := takingTurns(ctx, sides)
		if err != nil {
			return fmt.Errorf("open connections: %w", err)
		}
		for i := range sides {
			took[i] = append(took[i], run[i])
		}
		ratios = append(ratios, run[0].Seconds()/run[1].Seconds())
	}
	ratio := median(ratios)
	figure("connector: open and close a connection", fmt.Sprintf("%.2f ms, pgx alone %.2f ms, ratio %.2f", ms(median(took[0])), ms(median(took[1])), ratio), ratio <= 1.10, "at most 1.10")
	return nil
}

// takingTurns opens connections on one side and the other, and returns how long one took on each.
func takingTurns(ctx context.Context, sides [2]opening) (each [2]time.Duration, err error) {
	for range connections {
		for i, open := range sides {
			began := time.Now()
			if err := open(ctx); err != nil {
				return each, err
			}
			each[i] += time.Since(began)
		}
	}
	for i := range each {
		each[i] /= connections
	}
	return each, nil
}

// plain is how a program that knows the login in the secret connects with pgx, verified in full.
func plain(ctx context.Context, w *world.World, authority string) (*pgx.ConnConfig, error) {
	out, err := w.AWS.Do(ctx, operator, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": secretName})
	if err != nil {
		return nil, err
	}
	var l struct {
		Host, DBName, Username, Password string
		Port                             uint16
	}
	text, _ := out["SecretString"].(string)
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("read secret %s: its value is not the JSON that is expected", secretName)
	}
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=none password=none database=none sslmode=verify-full sslrootcert='%s'", l.Host, l.Port, authority))
	if err != nil {
		return nil, err
	}
	config.User, config.Password, config.Database = l.Username, l.Password, l.DBName
	return config, nil
}

// measureResolving makes connectors of a connection string as programs have it: with all that is read and checked before a program goes
// on, and without a call. A program does so once.
func measureResolving() error {
	const properties = "Driver={Amazon Redshift (x64)};Server=examplecluster.abc123xyz789.us-west-2.redshift.amazonaws.com;Port=5439;Database=exampledb;" +
		"IAM=1;DbUser=app_reports;DbGroups=reporting,finance;AutoCreate=1;Profile=reports;IAMDuration=3600;SSLMode=verify-full;ApplicationName=reports"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for range resolutions {
		if _, err := connector.New(properties); err != nil {
			return err
		}
	}
	each := time.Since(began) / resolutions
	runtime.ReadMemStats(&after)
	figure("connector: read and resolve 12 properties", fmt.Sprintf("%.1f µs, %d allocations, %.1f KiB", float64(each.Nanoseconds())/1000,
		(after.Mallocs-before.Mallocs)/resolutions, float64(after.TotalAlloc-before.TotalAlloc)/resolutions/(1<<10)), each <= 200*time.Microsecond, "at most 200 µs")
	return nil
}
