package property

// Why a property is ignored.
const (
	itself    = "This connector is the driver."
	goLogs    = "The program's own logging counts."
	goContext = "The context of a call bounds it."
	goTypes   = "Values arrive as database/sql gives them to the program."
	goRows    = "Rows arrive one after the other; there is nothing to tune."
	goStmt    = "Nothing is prepared on the server: a statement is sent whole at each use."
	goOne     = "A connection runs one statement after the other, as database/sql uses it."
	goMeta    = "There are no calls for metadata here."
	goBatch   = "There are no batches to rewrite here."
	goThreads = "A connection is safe for use as database/sql uses it."
	alive     = "Connections are kept alive as Go does it."
	protocol  = "The protocol is PostgreSQL's 3.0, and values travel as text."
	oneHost   = "There is one host."
	pool      = "The pool of database/sql opens connections anew."
)

// tuningRows are properties that tune a driver in ways that mean nothing here.
var tuningRows = []row{
	{odbc: []string{"Driver"}, use: ignored, does: itself},
	{odbc: []string{"Description"}, use: ignored, does: "It is a note for people."},
	{odbc: []string{"Locale"}, use: ignored, does: "Messages are English."},

	{odbc: []string{"KeepAlive"}, jdbc: []string{"tcpKeepAlive"}, python: []string{"tcp_keepalive"}, use: ignored, does: alive},
	{odbc: []string{"KeepAliveIdle"}, python: []string{"tcp_keepalive_idle"}, use: ignored, does: alive},
	{odbc: []string{"KeepAliveInterval"}, python: []string{"tcp_keepalive_interval"}, use: ignored, does: alive},
	{odbc: []string{"KeepAliveCount"}, python: []string{"tcp_keepalive_count"}, use: ignored, does: alive},
	{python: []string{"source_address"}, use: ignored, does: "The operating system chooses the address to connect from."},
	{jdbc: []string{"receiveBufferSize"}, use: ignored, does: "The operating system sizes its buffers."},
	{jdbc: []string{"sendBufferSize"}, use: ignored, does: "The operating system sizes its buffers."},
	{odbc: []string{"preferPQ"}, jdbc: []string{"preferPQ"}, use: ignored, does: "The key exchange of TLS is chosen as Go does it."},
	{odbc: []string{"UseSystemTrustStore"}, use: ignored, does: "Trusted are the system's authorities and Amazon's, or in their place those of CaFile."},
	{odbc: []string{"Compression"}, jdbc: []string{"Compression"}, use: ignored, does: "Nothing is compressed."},
	{jdbc: []string{"loadBalanceHosts"}, use: ignored, does: oneHost},
	{jdbc: []string{"hostRecheckSeconds"}, use: ignored, does: oneHost},
	{odbc: []string{"ConnectionRetryCount"}, use: ignored, does: pool},
	{odbc: []string{"ConnectionRetryDelay"}, use: ignored, does: pool},
	{jdbc: []string{"DisableIsValidQuery"}, use: ignored, does: pool},
	{odbc: []string{"StsConnectionTimeout"}, use: ignored, does: goContext},

	{odbc: []string{"client_protocol_version"}, jdbc: []string{"client_protocol_version"}, python: []string{"client_protocol_version"}, use: ignored, does: protocol},
	{jdbc: []string{"protocolVersion"}, use: ignored, does: protocol},
	{jdbc: []string{"assumeMinServerVersion"}, use: ignored, does: protocol},
	{jdbc: []string{"binaryTransfer"}, use: ignored, does: protocol},
	{jdbc: []string{"binaryTransferEnable"}, use: ignored, does: protocol},
	{jdbc: []string{"binaryTransferDisable"}, use: ignored, does: protocol},
	{jdbc: []string{"preferQueryMode"}, use: ignored, does: protocol},
	{jdbc: []string{"allowEncodingChanges"}, use: ignored, does: "Text is UTF-8."},
	{odbc: []string{"UseUnicode"}, use: ignored, does: "Text is UTF-8."},

	{odbc: []string{"LogLevel"}, jdbc: []string{"LogLevel"}, use: ignored, does: goLogs},
	{odbc: []string{"LogPath"}, jdbc: []string{"LogPath"}, use: ignored, does: goLogs},
	{jdbc: []string{"DSILogLevel"}, use: ignored, does: goLogs},
	{jdbc: []string{"loggerLevel"}, use: ignored, does: goLogs},
	{jdbc: []string{"loggerFile"}, use: ignored, does: goLogs},
	{jdbc: []string{"MaxLogFileSize"}, use: ignored, does: goLogs},
	{jdbc: []string{"MaxLogFileCount"}, use: ignored, does: goLogs},
	{jdbc: []string{"logServerErrorDetail"}, use: ignored, does: goLogs},
	{jdbc: []string{"logUnclosedConnections"}, use: ignored, does: goLogs},
	{odbc: []string{"Trace"}, use: ignored, does: goLogs},
	{odbc: []string{"TraceFile"}, use: ignored, does: goLogs},
	{odbc: []string{"TraceLevel"}, use: ignored, does: goLogs},

	{odbc: []string{"QueryTimeout"}, use: ignored, does: goContext},
	{jdbc: []string{"socketTimeout"}, use: ignored, does: goContext},
	{jdbc: []string{"statementCloseTimeout"}, use: ignored, does: goContext},
	{jdbc: []string{"cancelSignalTimeout"}, use: ignored, does: goContext},

	{odbc: []string{"StringType"}, jdbc: []string{"stringtype"}, use: ignored, does: goTypes},
	{python: []string{"numeric_to_float"}, use: ignored, does: goTypes},
	{odbc: []string{"BoolsAsChar"}, use: ignored, does: goTypes},
	{odbc: []string{"MaxVarchar"}, use: ignored, does: goTypes},
	{odbc: []string{"MaxLongVarChar"}, use: ignored, does: goTypes},
	{odbc: []string{"MaxBytea"}, use: ignored, does: goTypes},
	{odbc: []string{"TextAsLongVarchar"}, use: ignored, does: goTypes},
	{jdbc: []string{"unknownLength"}, use: ignored, does: goTypes},
	{jdbc: []string{"disableColumnSanitiser"}, use: ignored, does: "Columns keep the names that the server gives them."},

	{jdbc: []string{"defaultRowFetchSize"}, also: []string{"fetchSize"}, use: ignored, does: goRows},
	{jdbc: []string{"BlockingRowsMode"}, use: ignored, does: goRows},
	{jdbc: []string{"enableFetchRingBuffer"}, use: ignored, does: goRows},
	{jdbc: []string{"enableFetchReadAndProcessBuffers"}, use: ignored, does: goRows},
	{jdbc: []string{"fetchRingBufferSize"}, use: ignored, does: goRows},
	{jdbc: []string{"maxResultBuffer"}, use: ignored, does: goRows},
	{odbc: []string{"StreamingCursorRows"}, use: ignored, does: goRows},
	{odbc: []string{"SingleRowMode"}, use: ignored, does: goRows},
	{odbc: []string{"UseDeclareFetch"}, use: ignored, does: goRows},
	{odbc: []string{"Fetch"}, use: ignored, does: goRows},
	{odbc: []string{"FetchRefCursor"}, use: ignored, does: goRows},
	{odbc: []string{"CscEnable"}, use: ignored, does: goRows},
	{odbc: []string{"CscThreshold"}, use: ignored, does: goRows},
	{odbc: []string{"CscPath"}, use: ignored, does: goRows},
	{odbc: []string{"CscMaxFileSize"}, use: ignored, does: goRows},

	{python: []string{"max_prepared_statements"}, use: ignored, does: goStmt},
	{jdbc: []string{"preparedStatementCacheQueries"}, use: ignored, does: goStmt},
	{jdbc: []string{"preparedStatementCacheSizeMiB"}, use: ignored, does: goStmt},
	{jdbc: []string{"prepareThreshold"}, use: ignored, does: goStmt},
	{jdbc: []string{"enableStatementCache"}, use: ignored, does: goStmt},
	{jdbc: []string{"enableGeneratedName"}, use: ignored, does: goStmt},
	{jdbc: []string{"enableMultiSqlSupport"}, use: ignored, does: goStmt},
	{jdbc: []string{"escapeSyntaxCallMode"}, use: ignored, does: goStmt},
	{odbc: []string{"UseMultipleStatements"}, use: ignored, does: goOne},
	{odbc: []string{"EnforceSingleStatement"}, use: ignored, does: goOne},
	{odbc: []string{"EnableDescribeParam"}, use: ignored, does: goStmt},
	{jdbc: []string{"reWriteBatchedInserts"}, use: ignored, does: goBatch},
	{jdbc: []string{"reWriteBatchedInsertsSize"}, use: ignored, does: goBatch},
	{odbc: []string{"MultiInsertCmdConvertEnable"}, use: ignored, does: goBatch},

	{odbc: []string{"DatabaseMetadataCurrentDbOnly"}, jdbc: []string{"databaseMetadataCurrentDbOnly"}, python: []string{"database_metadata_current_db_only"},
		use: ignored, does: goMeta},
	{jdbc: []string{"databaseMetadataCacheFields"}, use: ignored, does: goMeta},
	{jdbc: []string{"databaseMetadataCacheFieldsMiB"}, use: ignored, does: goMeta},
	{jdbc: []string{"hideUnprivilegedObjects"}, use: ignored, does: goMeta},
	{jdbc: []string{"OverrideSchemaPatternType"}, use: ignored, does: goMeta},
	{jdbc: []string{"EnableTableTypes"}, use: ignored, does: goMeta},
	{odbc: []string{"ExtendedColumnMetaData"}, use: ignored, does: goMeta},

	{odbc: []string{"ApplicationUsingThreads"}, use: ignored, does: goThreads},
	{odbc: []string{"TransactionErrorBehavior"}, use: ignored, does: "A transaction that failed is rolled back by the program."},
	{jdbc: []string{"cleanupSavepoints"}, use: ignored, does: "There are no savepoints."},
	{jdbc: []string{"raiseExceptionOnSilentRollback"}, use: ignored, does: "A commit that rolled back is an error anyway."},
	{jdbc: []string{"readOnlyMode"}, use: ignored, does: "It says what readOnly means, which is refused."},
	{jdbc: []string{"queryGroup"}, use: ignored, does: "Run SET query_group on the connection that needs another queue."},
}
