package warehouse

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The rules of names in requests for logins: letters of both cases for users and databases, lower case for groups.
// Source: Amazon Redshift API Reference, GetClusterCredentials (DbUser, DbName, DbGroups); Redshift Serverless API
// Reference, GetCredentials (dbName).
var (
	BothCases = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+.@-]*$`)
	LowerCase = regexp.MustCompile(`^[a-z][a-z0-9_+.@-]*$`)
)

const maxName = 64 // characters

// BadName says what is wrong with a name under one of the rules; "" if nothing is.
func BadName(name string, allowed *regexp.Regexp) string {
	switch {
	case len(name) < 1 || len(name) > maxName:
		return fmt.Sprintf("has %d characters; it must have 1 to %d", len(name), maxName)
	case !allowed.MatchString(name):
		return "does not match " + allowed.String()
	case slices.Contains(reservedWords, strings.ToUpper(name)):
		return "is a reserved word"
	}
	return ""
}

// reservedWords are no names of users, databases or groups.
// Source: Amazon Redshift Database Developer Guide, Reserved words.
var reservedWords = strings.Fields(`
	AES128 AES256 ALL ALLOWOVERWRITE ANALYSE ANALYZE AND ANY ARRAY AS ASC AUTHORIZATION AZ64 BACKUP BETWEEN BINARY
	BLANKSASNULL BOTH BYTEDICT BZIP2 CASE CAST CHECK COLLATE COLUMN CONNECT CONSTRAINT CREATE CREDENTIALS CROSS
	CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURRENT_USER_ID DEFAULT DEFERRABLE DEFLATE DEFRAG DELTA
	DELTA32K DESC DISABLE DISTINCT DO ELSE EMPTYASNULL ENABLE ENCODE ENCRYPT ENCRYPTION END EXCEPT EXPLICIT FALSE FOR
	FOREIGN FREEZE FROM FULL GLOBALDICT256 GLOBALDICT64K GRANT GROUP GZIP HAVING IDENTITY IGNORE ILIKE IN INITIALLY
	INNER INTERSECT INTERVAL INTO IS ISNULL JOIN LANGUAGE LEADING LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP LUN LUNS
	LZO LZOP MINUS MOSTLY16 MOSTLY32 MOSTLY8 NATURAL NEW NOT NOTNULL NULL NULLS OFF OFFLINE OFFSET OID OLD ON ONLY
	OPEN OR ORDER OUTER OVERLAPS PARALLEL PARTITION PERCENT PERMISSIONS PIVOT PLACING PRIMARY QUALIFY RAW READRATIO
	RECOVER REFERENCES REJECTLOG RESORT RESPECT RESTORE RIGHT SELECT SESSION_USER SIMILAR SNAPSHOT SOME SYSDATE SYSTEM
	TABLE TAG TDES TEXT255 TEXT32K THEN TIMESTAMP TO TOP TRAILING TRUE TRUNCATECOLUMNS UNION UNIQUE UNNEST UNPIVOT
	USER USING VERBOSE WALLET WHEN WHERE WITH WITHOUT`)
