// Package warehouse plays the endpoint of a Redshift cluster: PostgreSQL behind a TLS front that
// checks temporary logins.
//
// The front speaks PostgreSQL's protocol until the client has logged in. From then on it passes bytes between the
// client and a session that PostgreSQL runs as the database user: a client can never become more than that
// user, because its session never was. What the front adds is what PostgreSQL cannot do: several passwords for
// one user that are valid together, each with its own end on the sandbox's clock; the names IAM:user, IAMA:user:group
// and IAMR:role; users made at login; groups joined for the session.
//
// # Differences from Redshift
//
// Nothing here proves anything about Redshift. These differences are known:
//
//   - A group is joined by GRANT while at least one session that asked for it is open, and left by REVOKE when
//     the last one ends. So another session of the same user sees the group meanwhile; in Redshift only the
//     session itself does. A membership that exists before is neither granted nor taken away.
//   - The client is asked for its password in clear text inside TLS, where Redshift asks for a digest. psql, pgx
//     and the JDBC drivers speak both.
//   - Without TLS nobody is asked for a password. A temporary login gets the error that is reported from
//     Redshift (password authentication failed, with a hint that Redshift does not give), another one the error of
//     a cluster whose parameter require_ssl is true.
//   - The wording of "group does not exist" and of "not the database of this login" is ours: no source was found.
//   - The database user of an IAM identity is called IAM:user or IAMR:role, in the case that IAM has; a name of more than 63
//     bytes ends with a hash, because PostgreSQL has none so long.
//   - server_version and the SQL are PostgreSQL's. Parameters that only Redshift knows are dropped at login; see
//     redshiftOnly.
//   - A paused cluster's address takes connections and resets them at once; in Redshift it does not answer.
package warehouse
