// Package connector is a database/sql connector for Amazon Redshift whose logins never go stale.
package connector
