package warehouse

import (
	"fmt"
	"strings"
)

// The rules of the names that GetClusterCredentials takes: database users, databases and groups.
// Upper-case letters are refused although newer API text allows them in users: Redshift folds them, and a policy
// on the exact name would not match.
//
// Source: Amazon Redshift API Reference, GetClusterCredentials (DbUser, DbName, DbGroups).
const (
	maxName  = 64 // characters
	nameRule = "use 1 to 64 lower-case letters, digits, _ + . @ or -, starting with a letter, and no reserved word"
)

// BadName says what is wrong with the name of a database user, a database or a group, or returns "" if
// Redshift accepts it.
func BadName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return fmt.Sprintf("has %d bytes, of at most %d", len(name), maxName)
	case name[0] < 'a' || name[0] > 'z':
		return "does not start with a lower-case letter"
	case reserved[name]:
		return "is a reserved word"
	}
	for _, r := range name {
		if notInName(r) {
			return fmt.Sprintf("has %q in it", string(r))
		}
	}
	return ""
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("_+.@-", r)
}

// superusers are the names that Redshift's own superusers have by default.
var superusers = []string{"awsuser", "rdsdb"}

// BadPattern says what is wrong with a pattern of user names, or returns "". A pattern starts with a letter and does
// not match the usual superusers. Other superusers are found when a lease is verified, by logging in.
func BadPattern(pattern string) string {
	for _, user := range superusers {
		if Match(pattern, user) {
			return "matches the superuser " + user
		}
	}
	return BadName(strings.ReplaceAll(pattern, "*", "_"))
}

// reserved are the words that Redshift does not take as a name.
//
// Source: Amazon Redshift Database Developer Guide, Reserved words; PUBLIC is from the API reference.
var reserved = func() map[string]bool {
	words := make(map[string]bool)
	for _, w := range strings.Fields(`
		aes128 aes256 all allowoverwrite analyse analyze and any array as asc authorization az64 backup between binary
		blanksasnull both bytedict bzip2 case cast check collate column connect constraint create credentials cross
		current_date current_time current_timestamp current_user current_user_id default deferrable deflate defrag delta
		delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end except explicit false for
		foreign freeze from full globaldict256 globaldict64k grant group gzip having identity ignore ilike in initially
		inner intersect interval into is isnull join leading left like limit localtime localtimestamp lun luns lzo lzop
		minus mostly16 mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open or
		order outer overlaps parallel partition percent permissions pivot placing primary public qualify raw readratio
		recover references rejectlog resort respect restore right select session_user similar snapshot some sysdate system
		table tag tdes text255 text32k then timestamp to top trailing true truncatecolumns type union unique unnest
		unpivot user using verbose wallet when where with without`) {
		words[w] = true
	}
	return words
}()
