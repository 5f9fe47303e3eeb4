// Package property reads connection properties in the spellings of Amazon's three Redshift drivers (ODBC, JDBC, Python), from
// connection strings, URLs, maps and authentication profiles. It says what was given, not what it means.
package property

import (
	"maps"
	"slices"

	"github.com/sluicehq/sluice/shared/secret"
)

// A Name is a property as Sluice spells it: the ODBC driver's way, where that driver has it.
type Name string

// The properties that Sluice knows what to do with. PROPERTIES.md beside connector says what each does.
const (
	IAM      Name = "IAM"
	UID      Name = "UID"
	PWD      Name = "PWD"
	Host     Name = "Server"
	Port     Name = "Port"
	Database Name = "Database"

	ClusterID    Name = "ClusterID"
	Region       Name = "Region"
	Serverless   Name = "Serverless"
	Workgroup    Name = "Workgroup"
	AccountID    Name = "AccountID"
	CustomDomain Name = "CustomDomain"
	VPCEndpoint  Name = "vpc_endpoint_url"

	DbUser          Name = "DbUser"
	AutoCreate      Name = "AutoCreate"
	DbGroups        Name = "DbGroups"
	ForceLowercase  Name = "ForceLowercase"
	GroupFederation Name = "group_federation"
	Duration        Name = "IAMDuration"
	DisableCache    Name = "DisableCache"

	AuthType        Name = "AuthType"
	AuthProfile     Name = "AuthProfile"
	AccessKeyID     Name = "AccessKeyID"
	SecretAccessKey Name = "SecretAccessKey"
	SessionToken    Name = "SessionToken"
	Profile         Name = "Profile"
	InstanceProfile Name = "InstanceProfile"
	RoleARN         Name = "RoleArn"
	ExternalID      Name = "ExternalId"
	RoleSessionName Name = "RoleSessionName"
	EndpointURL     Name = "EndpointUrl"
	StsEndpointURL  Name = "StsEndpointUrl"

	SecretID Name = "SecretID"

	SSL             Name = "SSL"
	SSLMode         Name = "SSLMode"
	CAFile          Name = "CaFile"
	TLSServerName   Name = "TLSServerName"
	ApplicationName Name = "ApplicationName"
	ConnectTimeout  Name = "ConnectTimeout"
)

// An Entry is one property as it was given.
type Entry struct {
	Name     Name
	Value    secret.Value // any may be secret, so all are
	Spelling string       // of the name, as it was given; empty for what a URL says by its place
}

// An Ignored is a property that a driver of Amazon's has and that means nothing here.
type Ignored struct {
	Spelling string
	Why      string // a sentence
}

// A Set is what a program gave: each property at most once. Empty values are those of properties that were not given.
// The zero Set is empty. A Set is not changed after it was made.
type Set struct {
	entries map[Name]Entry
	ignored []Ignored
}

// Get is the text of a property, and whether it was given.
func (s Set) Get(name Name) (secret.Value, bool) {
	e, ok := s.entries[name]
	return e.Value, ok
}

// Entries are the properties that were given, by name.
func (s Set) Entries() []Entry {
	return slices.SortedFunc(maps.Values(s.entries), func(a, b Entry) int { return compare(a.Name, b.Name) })
}

// Ignored are those that were given and mean nothing here.
func (s Set) Ignored() []Ignored { return slices.Clone(s.ignored) }

func compare(a, b Name) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
