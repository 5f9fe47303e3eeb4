package property

// awsRows say with which AWS credentials a login is asked for, and where.
var awsRows = []row{
	{name: AuthType, odbc: []string{"AuthType"}, use: taken,
		does: "Says which kind of AWS credentials is meant: Static or Profile."},
	{name: AuthProfile, odbc: []string{"AuthProfile"}, jdbc: []string{"AuthProfile"}, python: []string{"auth_profile"}, use: taken,
		does: "The Redshift authentication profile to take further properties from; the program's own win. An access key beside it reads it, and gets logins if nothing else does."},
	{name: AccessKeyID, odbc: []string{"AccessKeyID"}, jdbc: []string{"AccessKeyID"}, python: []string{"access_key_id"}, use: taken, secret: true,
		does: "The AWS access key to call with."},
	{name: SecretAccessKey, odbc: []string{"SecretAccessKey"}, jdbc: []string{"SecretAccessKey"}, python: []string{"secret_access_key"}, use: taken, secret: true,
		does: "The secret of that access key."},
	{name: SessionToken, odbc: []string{"SessionToken"}, jdbc: []string{"SessionToken"}, python: []string{"session_token"}, use: taken, secret: true,
		does: "The session token of a temporary access key."},
	{name: Profile, odbc: []string{"Profile"}, jdbc: []string{"profile"}, python: []string{"profile"}, use: taken,
		does: "The profile of the shared AWS configuration files to call with."},
	{name: InstanceProfile, odbc: []string{"InstanceProfile"}, use: taken, flag: true,
		does: "Calls with the role of the EC2 instance, and with nothing else; it wins over Profile."},
	{name: RoleARN, odbc: []string{"role_arn"}, jdbc: []string{"roleArn"}, python: []string{"role_arn"}, use: taken,
		does: "A role to assume before the login is asked for; the drivers do so for a web identity alone."},
	{name: RoleSessionName, odbc: []string{"role_session_name"}, jdbc: []string{"roleSessionName"}, python: []string{"role_session_name"}, use: taken,
		does: "The name of the session of that role."},
	{name: ExternalID, use: taken,
		does: "The external id that the role's trust asks for; no driver has this property."},
	{name: EndpointURL, odbc: []string{"EndPointUrl"}, jdbc: []string{"EndpointUrl"}, python: []string{"endpoint_url"}, use: taken,
		does: "The address of the Redshift APIs in place of AWS's own, or with SecretID that of Secrets Manager; https, unless it is on this machine; not from an authentication profile."},
	{name: StsEndpointURL, odbc: []string{"StsEndpointUrl"}, jdbc: []string{"StsEndpointUrl"}, use: taken,
		does: "The address of STS in place of AWS's own; https, unless it is on this machine; not from an authentication profile."},
}

// tlsRows say what is checked of the server.
var tlsRows = []row{
	{name: SSL, jdbc: []string{"ssl"}, python: []string{"ssl"}, use: taken, flag: true,
		does: "May be true: there is no connection without TLS."},
	{name: SSLMode, odbc: []string{"SSLMode"}, jdbc: []string{"sslmode", "AuthMech"}, python: []string{"sslmode"}, use: taken,
		does: "How the certificate is checked: verify-full, which is the default, or verify-ca, which does not look at the name and does not count in an authentication profile."},
	{name: CAFile, odbc: []string{"CaFile", "TrustStore"}, jdbc: []string{"sslrootcert"}, use: taken,
		does: "A PEM file of the authorities to trust, in place of the system's and Amazon's; not from an authentication profile."},
	{name: TLSServerName, also: []string{"HostNameInCertificate"}, use: taken,
		does: "The name that the certificate must be for, where it is not the host's; no driver has this property, and no authentication profile may."},
}
