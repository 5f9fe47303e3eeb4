package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/shared/connector/login"
	"github.com/sluicehq/sluice/shared/secret"
)

// A lease is what an application finds in its secret. It is read here as applications read it, by its documented keys.
type lease struct {
	host      string
	port      int
	database  string
	user      string
	password  secret.Value
	expiresAt time.Time
}

// readLease reads the current value of a consumer's secret.
func readLease(ctx context.Context, api *secretsmanager.Client, name string) (lease, error) {
	out, err := api.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return lease{}, fmt.Errorf("read secret %s: %w", name, err)
	}
	var value struct {
		Host      string    `json:"host"`
		Port      int       `json:"port"`
		Database  string    `json:"dbname"`
		Username  string    `json:"username"`
		Password  string    `json:"password"`
		ExpiresAt time.Time `json:"expiresAt"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &value); err != nil {
		return lease{}, fmt.Errorf("read secret %s: its value is not the JSON that is expected", name)
	}
	if value.Username == "" || value.Password == "" {
		return lease{}, fmt.Errorf("read secret %s: it holds no login yet", name)
	}
	return lease{value.Host, value.Port, value.Database, value.Username, secret.New(value.Password), value.ExpiresAt}, nil
}

// same reports whether l and m are one login.
func (l lease) same(m lease) bool { return l.password.Reveal() == m.password.Reveal() }

// authority reads the certificates that clients of the warehouse trust.
func authority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

// ask logs in with l over verified TLS and runs one query that has one row with a name and a number.
func ask(ctx context.Context, l lease, roots *x509.CertPool, query string) (name string, number int, err error) {
	conn, err := login.Open(ctx, login.Target{Host: l.host, Port: l.port, Database: l.database, User: l.user, Password: l.password, Roots: roots})
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	err = conn.QueryRow(ctx, query).Scan(&name, &number)
	return name, number, err
}

// askInTheClear logs in with l without TLS. It is here to be refused.
func askInTheClear(ctx context.Context, l lease) error {
	config, err := pgx.ParseConfig("host=localhost user=none password=none database=none sslmode=disable")
	if err != nil {
		return err
	}
	config.Host, config.Port, config.Database, config.User, config.Password = l.host, uint16(l.port), l.database, l.user, l.password.Reveal()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	return errors.Join(errors.New("the login was accepted at "+net.JoinHostPort(l.host, strconv.Itoa(l.port))), conn.Close(ctx))
}
