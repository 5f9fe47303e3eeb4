// Package source plays the operational databases that a warehouse shall query: each is a PostgreSQL database behind a
// TLS front with a port of its own.
//
// All databases live in one real PostgreSQL server, which starts with the first of them. The front in front of each
// reads PostgreSQL's protocol message by message: it insists on TLS, as RDS does with rds.force_ssl, lets logins through
// for the server to check (md5 and SCRAM, whatever verifier the server holds), counts and records statements, and makes
// the n-th of them go wrong where a test wants it.
//
// # Differences from RDS
//
// Nothing here proves anything about RDS. These differences are known:
//
//   - Roles belong to the server, so all sources see the same roles. Names do not collide in practice, because every
//     source has a master user of its own name and Sluice's logins carry the federation's name. A role with CREATEROLE
//     could change another source's roles. Databases need different names too: current_database() must tell the truth.
//   - A source has one database, and postgres and template1, which all sources share. A login to another name is told
//     that there is no such database, before any password is checked.
//   - The master user has LOGIN, CREATEDB and CREATEROLE and owns its database and the schema public. RDS's is a member
//     of rds_superuser, which does not exist here.
//   - A source that is stopped takes connections and resets them at once; a stopped RDS instance does not answer.
//   - The way from front to server has no TLS, so that the server does not offer SCRAM with channel binding.
package source
