package property

import "slices"

// noPlugins and instead are said of every property of the drivers' identity-provider plugins.
const (
	noPlugins = "Belongs to the drivers' identity-provider plugins, which this connector does not have."
	instead   = "leave it out and use AWS credentials of an SSO, credential_process or web identity profile"
)

// identityRows are the properties of the plugins for SAML, JWT, Azure, Okta, Ping, ADFS and IAM Identity Center.
var identityRows = []row{
	plugin("plugin_name", "plugin_name", "credentials_provider", "plugin"),
	plugin("provider_name", "providerName", "provider_name"),
	plugin("idp_host", "IdP_Host", "idp_host"),
	plugin("idp_port", "IdP_Port", "", "idpPort"),
	plugin("idp_tenant", "IdP_Tenant", "idp_tenant"),
	plugin("idp_partition", "idp_partition", "idp_partition"),
	plugin("idp_response_timeout", "IdP_Response_Timeout", "idp_response_timeout"),
	plugin("idp_use_https_proxy", "", ""),
	plugin("preferred_role", "Preferred_Role", "preferred_role"),
	plugin("", "", "principal_arn", "principal"),
	plugin("partner_spid", "Partner_SPID", "partner_sp_id"),
	plugin("loginToRp", "loginToRp", "login_to_rp"),
	plugin("login_url", "Login_URL", "login_url"),
	plugin("listen_port", "listen_port", "listen_port"),
	plugin("app_id", "App_ID", "app_id"),
	plugin("app_name", "App_Name", "app_name"),
	confidential(plugin("client_id", "Client_ID", "client_id")),
	confidential(plugin("client_secret", "Client_Secret", "client_secret")),
	confidential(plugin("web_identity_token", "webIdentityToken", "web_identity_token")),
	confidential(plugin("token", "token", "token")),
	plugin("token_type", "token_type", "token_type"),
	plugin("scope", "scope", "scope"),
	plugin("issuer_url", "issuer_url", "issuer_url"),
	plugin("idc_region", "idc_region", "idc_region"),
	plugin("idc_client_display_name", "idc_client_display_name", "idc_client_display_name"),
	plugin("identity_namespace", "Identity_Namespace", "identity_namespace"),
	plugin("dbgroups_filter", "DbGroupsFilter", ""),
	asDefault(plugin("", "AllowDBUserOverride", "allow_db_user_override"), "false"),
	asDefault(plugin("ssl_insecure", "SSL_Insecure", "ssl_insecure"), "false"),
	{odbc: []string{"duration"}, jdbc: []string{"Duration"}, use: refused,
		does: "Is how long a plugin's AWS session lives, in the drivers; in an authentication profile it is that of the login.",
		fix:  "write IAMDuration for how long a login lives"},
}

func plugin(odbc, jdbc, python string, also ...string) row {
	return row{odbc: some(odbc), jdbc: some(jdbc), python: some(python), also: also, use: refused, does: noPlugins, fix: instead}
}

func some(spelling string) []string {
	return slices.DeleteFunc([]string{spelling}, func(s string) bool { return s == "" })
}

func confidential(r row) row { r.secret = true; return r }

func asDefault(r row, harmless ...string) row { r.harmless = harmless; return r }

// Why a property of routeRows is refused.
const (
	noProxy   = "Asks for a proxy between this program and the database, which this connector cannot use."
	noHTTP    = "Asks for a proxy for the calls to AWS, which takes none from the properties."
	noClient  = "Belongs to a certificate of the client's own, which this connector does not present."
	noGSS     = "Belongs to a login by Kerberos, which this connector does not have."
	noJava    = "Names what there is in Java alone."
	elsewhere = "Names further properties that are kept in a file, which this connector does not read."
)

// routeRows are properties that change where a connection goes, or whom it trusts, in ways that this connector does not have.
var routeRows = []row{
	{odbc: []string{"ProxyHost"}, use: refused, does: noProxy, fix: "connect to an address that needs no proxy, and name the certificate's host in TLSServerName"},
	{odbc: []string{"ProxyPort"}, use: refused, does: noProxy, fix: "leave it out"},
	{odbc: []string{"ProxyUid"}, use: refused, does: noProxy, fix: "leave it out"},
	{odbc: []string{"ProxyPwd"}, use: refused, secret: true, does: noProxy, fix: "leave it out"},
	{odbc: []string{"https_proxy_host"}, use: refused, does: noHTTP, fix: "set HTTPS_PROXY in the environment"},
	{odbc: []string{"https_proxy_port"}, use: refused, does: noHTTP, fix: "set HTTPS_PROXY in the environment"},
	{odbc: []string{"https_proxy_username"}, use: refused, does: noHTTP, fix: "set HTTPS_PROXY in the environment"},
	{odbc: []string{"https_proxy_password"}, use: refused, secret: true, does: noHTTP, fix: "set HTTPS_PROXY in the environment"},
	{python: []string{"unix_sock"}, use: refused, does: "Asks for a connection through a socket of this machine, which has no TLS.", fix: "connect to a host"},
	{jdbc: []string{"socketFactory"}, use: refused, does: noJava, fix: "connect to an address that needs none"},
	{jdbc: []string{"socketFactoryArg"}, use: refused, does: noJava, fix: "leave it out"},

	{jdbc: []string{"sslfactory"}, use: refused, does: noJava, fix: "leave it out; to trust other authorities name their PEM file in CaFile"},
	{jdbc: []string{"sslfactoryarg"}, use: refused, does: noJava, fix: "leave it out"},
	{jdbc: []string{"sslhostnameverifier"}, use: refused, does: noJava, fix: "name the certificate's host in TLSServerName"},
	{jdbc: []string{"SSLTrustStorePath"}, use: refused, does: "Names a key store of Java.", fix: "name a PEM file of the authorities in CaFile"},
	{jdbc: []string{"SSLTruststore "}, use: refused, secret: true, does: "Is the password of a key store of Java.",
		fix: "name a PEM file of the authorities in CaFile"},
	{odbc: []string{"CaPath"}, use: refused, does: "Names a folder of authorities, of which this connector reads none.", fix: "name one PEM file in CaFile"},
	{odbc: []string{"Min_TLS"}, use: refused, harmless: []string{"1.0", "1.1", "1.2"},
		does: "Asks for more than TLS 1.2, the least that this connector speaks.",
		fix:  "leave it out; the newest version that both sides know is used"},
	{odbc: []string{"EncryptionMethod"}, use: refused, harmless: []string{"1"},
		does: "Is another way to say whether there is TLS, which there always is.",
		fix:  "leave it out, or write SSLMode"},
	{odbc: []string{"ValidateServerCertificate"}, use: refused, harmless: []string{"1"},
		does: "Would leave the certificate unchecked, which this connector never does.",
		fix:  "leave it out; to trust other authorities name their PEM file in CaFile"},
	{odbc: []string{"CheckCertRevocation"}, use: refused, harmless: []string{"0"},
		does: "Asks whether certificates have been revoked, which this connector does not find out.",
		fix:  "leave it out"},
	{jdbc: []string{"sslcert"}, use: refused, does: noClient, fix: "leave it out; Redshift asks for none"},
	{jdbc: []string{"sslkey"}, use: refused, does: noClient, fix: "leave it out; Redshift asks for none"},
	{jdbc: []string{"sslpassword"}, use: refused, secret: true, does: noClient, fix: "leave it out; Redshift asks for none"},
	{jdbc: []string{"sslpasswordcallback"}, use: refused, does: noClient, fix: "leave it out; Redshift asks for none"},

	{odbc: []string{"KerberosServiceName"}, use: refused, does: noGSS, fix: "leave it out"},
	{odbc: []string{"KerberosAPI"}, use: refused, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"kerberosServerName"}, use: refused, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"jaasApplicationName"}, use: refused, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"jaasLogin"}, use: refused, harmless: []string{"true", "false"}, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"gsslib"}, use: refused, harmless: []string{"auto"}, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"sspiServiceClass"}, use: refused, does: noGSS, fix: "leave it out"},
	{jdbc: []string{"useSpnego"}, use: refused, harmless: []string{"false"}, does: noGSS, fix: "leave it out"},

	{odbc: []string{"DSN"}, use: refused, does: elsewhere, fix: "write out what the data source says"},
	{odbc: []string{"FILEDSN"}, use: refused, does: elsewhere, fix: "write out what the file says"},
	{jdbc: []string{"IniFile"}, use: refused, does: elsewhere, fix: "write out what the file says"},
	{jdbc: []string{"IniSection"}, use: refused, does: elsewhere, fix: "write out what the section says"},
}

// sessionRows are properties that change what statements read or write; silence about them would be wrong.
var sessionRows = []row{
	{jdbc: []string{"currentSchema"}, use: refused, does: "Sets the schemas in which tables are searched, which this connector does not do.",
		fix: "write schema.table in statements, or run ALTER USER … SET search_path once"},
	{odbc: []string{"InitializationString"}, use: refused, does: "Is SQL to run at every connection, which this connector does not do.",
		fix: "run it on the connection (sql.Conn) that needs it"},
	{jdbc: []string{"options"}, use: refused, does: "Sets session parameters by the server's command line, which this connector does not do.",
		fix: "run SET on the connection (sql.Conn) that needs them"},
	{odbc: []string{"ReadOnly"}, jdbc: []string{"readOnly"}, use: refused, harmless: []string{"false"},
		does: "Asks for sessions that cannot write, which this connector does not make.",
		fix:  "begin transactions with sql.TxOptions{ReadOnly: true}, or log in as a user who may only read"},
	{jdbc: []string{"connectionTimezone"}, use: refused, harmless: []string{"SERVER"},
		does: "Sets the time zone of sessions, which stays the server's here.",
		fix:  "run ALTER USER … SET timezone once, or SET timezone on the connection (sql.Conn) that needs it"},
	{jdbc: []string{"replication"}, python: []string{"replication"}, use: refused, harmless: []string{"false"},
		does: "Asks for the protocol of replication, which Redshift does not speak.",
		fix:  "leave it out"},
	{jdbc: []string{"autosave"}, use: refused, harmless: []string{"never"},
		does: "Asks for a savepoint before every statement, which Redshift does not have.",
		fix:  "leave it out"},
	{jdbc: []string{"targetServerType"}, use: refused, harmless: []string{"any"}, does: "Chooses among several hosts, of which there is one.",
		fix: "leave it out"},
}
