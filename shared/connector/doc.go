// Package connector is a database/sql connector for Amazon Redshift whose logins never go stale.
//
// It reads the connection properties of Amazon's ODBC, JDBC and Python drivers, gets temporary logins from AWS by the identity that the
// program has, and logs in over verified TLS. Every new connection of the pool has a login with enough life; nobody keeps a password.
// PROPERTIES.md beside this package lists every property of the three drivers, and what becomes of it here.
//
// The smallest program opens a database by a connection string and queries it:
//
//	db, err := connector.Open("IAM=1;ClusterID=examplecluster;Database=exampledb;DbUser=app_reports")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	var venues int
//	err = db.QueryRowContext(ctx, "SELECT count(*) FROM venue").Scan(&venues)
//
// Folder example has a whole one. [Open] takes a string as the ODBC driver writes it, a URL as the JDBC driver writes it
// (redshift:iam://examplecluster:us-west-2/exampledb?DbUser=app_reports, with or without jdbc:), a map, or what [Parse] returned. [New]
// returns the connector itself for sql.OpenDB. Programs that can only be told the name of a driver use [DriverName] with sql.Open. None
// of them makes a call or reads a file: the first connection does.
//
// # Four ways to connect
//
// A profile of the shared AWS configuration files (Profile=reports) calls AWS with all that such a profile may say: an access key,
// role_arn with source_profile or credential_source and chains of them, single sign-on, credential_process, web identity, mfa_serial
// (with [WithMFAToken]). Of the profile count its credentials and its region. The files are ~/.aws/config and ~/.aws/credentials, or those
// that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name. Amazon's page about IAM profiles writes ~/.aws/Credentials; where case
// counts in file names, a file of that name is not read, and the error about a missing profile says so.
//
// An instance profile (InstanceProfile=1) calls with the role of the EC2 instance alone, and fails within seconds where there is none.
// It wins over Profile. In containers and functions leave both out: the AWS SDK's default chain finds their roles.
//
// A role (RoleArn, with ExternalId and RoleSessionName if need be) is assumed with whichever credentials the other properties lead to.
//
// A consumer's secret (SecretID) is one in which Sluice keeps a login fresh. It says who logs in and where; the program needs leave to
// read it and no other. A secret without expiresAt, such as one that AWS makes, is taken as a login that does not end until the
// warehouse refuses it. Server, Port and Database may be given beside it: they win over the secret, and stand in for what it leaves
// out (by default 5439 and dev).
//
// An access key (AccessKeyID, SecretAccessKey, SessionToken) is possible too, and so is a user with a password (UID and PWD, without
// IAM), for which AWS is not asked at all.
//
// # Which login it is
//
// For a provisioned cluster, IAM=1 asks GetClusterCredentials for the user DbUser, whom AutoCreate=1 lets Redshift create, and who joins
// DbGroups for the session. With group_federation=1 it asks GetClusterCredentialsWithIAM, which logs in as the caller's own identity;
// DbUser, DbGroups and AutoCreate have no effect then, which a notice says. A workgroup of Redshift Serverless always logs in as the
// caller, by GetCredentials. IAMDuration is the life of the login in seconds, 900 to 3600, for all three; without it the service
// decides, which is 900.
//
// Where Server is the host of a cluster or a workgroup, as the console shows it, it names them and their region. Without Server, host and
// port are looked up once (DescribeClusters, GetWorkgroup), and again after the warehouse could not be reached. A host with a name that
// is none of AWS's, and no ClusterID or Workgroup beside it, is taken as a custom domain name.
//
// # What counts
//
// A value comes from the first of these that has one: the program's own properties, the authentication profile (AuthProfile), the name
// of the host, the AWS configuration (for the region: AWS_REGION and AWS_DEFAULT_REGION, then the profile), the default. [Explain] says
// for every value where it came from and what it won over, [WithLogger] logs the same, and
//
//	sluice explain 'IAM=1;ClusterID=examplecluster;…'
//
// prints it with the AWS calls for the first connection and the smallest IAM policy that allows them.
//
// An authentication profile is kept by Redshift and read once, with the access key that the properties name, or else with whatever
// other AWS credentials there are; the role of RoleArn is not assumed for that. Where logins take the same credentials, or a role above
// them, these are got once for both. It cannot lower how the server is checked, nor say where AWS is asked: it cannot turn TLS off,
// verify-ca in it does not count, and TLSServerName, CaFile and endpoints of AWS in it are refused.
//
// Properties that contradict, are unknown, malformed or missing are errors, all of them at once. Properties of the drivers that mean
// nothing here are notices: [WithLogger] logs them, and so are values that lost to others.
//
// # How logins are kept fresh
//
// A login is kept for all connections that want the same from the same AWS identity, in the whole process ([WithCache] keeps it elsewhere,
// DisableCache=1 nowhere). It is given out while more than a minute of its life is left, and with less only where there is no other. When
// 75 to 85 % of its life have passed, at a time drawn for each login, one connection begins to get the next one, and none waits for that.
// All who find no good login share one call. Its life is measured by the clock of the service that gave it, so that it does not matter what
// time this machine believes it is; of this machine's wall clock and its monotonic clock, the one on which more time has passed counts.
//
// If AWS does not give another, connections go on with the login at hand until it ends; a new attempt is made at most every second at
// first, then less often, up to every 30 seconds. With the default life of 15 minutes such an outage may last two to four minutes before
// new connections fail, and with IAMDuration=3600 nine to fifteen. Without a login at hand the error is that of AWS, told to everybody
// who asks within a second of it.
//
// If the server says that a login has expired all the same, the connector gets another, once; and so it does if the AWS credentials
// have ended, for which it reads the AWS configuration again. A password that the server does not accept is forgotten: the next
// connection gets another, and that of a secret is read again at once. Where the server refuses one new login after the other, nobody
// asks for more at once: all are told why for a second at first, and for up to half a minute later.
//
// The end of a login ends no connection. So the pool needs no settings for it: SetConnMaxLifetime may be longer than the life of a
// login, and exists for other reasons, such as spreading load after a failover.
//
// # TLS
//
// There is no connection without TLS 1.2 or later and a verified certificate. SSLMode is verify-full (authority, dates and name, the
// default) or verify-ca (without the name: whoever has a certificate of a trusted authority for any name gets the login). Everything
// weaker is refused. Trusted are the system's authorities and Amazon's, which are in the program, or in their place those of CaFile.
//
// Behind a load balancer, a VPC endpoint or a tunnel, the warehouse shows the certificate of its own host. TLSServerName says that
// name; where vpc_endpoint_url is given beside Server, it is Server.
//
// # Errors
//
// Errors of properties are a fault.Problems, with the place, what is wrong and what to write. [Open] returns it, or the first connection,
// where an authentication profile or the AWS configuration could still have said what is missing. Errors of AWS and of logins say what was
// being done, to what, the reason as one word, what AWS or the server said, and what to do. No error holds a password, a secret key or a
// token. errors.Is tells failures of the login apart by [ErrExpired] and its like; fault.ReasonOf returns the word, which for AWS is one of
// those in package awslease and awserror. Causes stay within reach of errors.Is and errors.As: context.Canceled, net.Error, x509's errors,
// *pgconn.PgError, and the SDK's.
//
// If the context ends while the connector waits for AWS, the error is the context's own. A deadline that ends during the login itself is
// [ErrUnreachable] and context.DeadlineExceeded at once.
//
// # Queries
//
// Queries go by pgx. Statements with arguments are sent by the extended protocol, unnamed, in one round trip with their arguments, which
// travel as text, as results do. Arguments are $1, $2 and so on. Nothing stays prepared on the server. Exec without arguments takes the
// simple protocol and may hold several statements.
//
// Arguments may be integers, floating-point numbers, strings, truths, nil and time.Time, whose instant is sent in UTC; other types are
// sent as pgx writes them, which may be another text than Redshift reads. Decimals come back as strings, or as what they are scanned
// into. There is no LastInsertId. Question marks and names are no arguments.
//
// Prepare prepares nothing on the server: each use of the statement is sent as a query is, so that the same arguments mean the same.
// sql.Conn.Raw gives a [Conn], through which all of pgx is within reach.
//
// A []byte argument travels as PostgreSQL writes bytea: \x and hexadecimal digits. Redshift has no bytea, and its to_varbyte takes the
// digits alone. So give hex.EncodeToString(b), and write to_varbyte($1, 'hex').
//
// # What is verified
//
// In the sandbox, over the real wire with the real SDK: properties to rows, each way to connect, kinds of profiles, policies,
// refreshing, outages, expiry, failures of TLS. The far end there is Sluice's own, made from AWS's documentation, and PostgreSQL.
//
// By AWS's documentation alone: names, ranges and prefixes of logins, hosts, parameters and permissions of the APIs, which
// authorities Redshift's certificates come from, to_varbyte.
//
// Documented nowhere: the texts with which Redshift refuses logins (the expired one is reported from the field, the others are
// PostgreSQL's), what the APIs answer for a paused cluster or a workgroup that is not available, which certificate load balancers and VPC
// endpoints show (as above, by reports from the field), whether all statements do with arguments as text. The README lists these points.
package connector
