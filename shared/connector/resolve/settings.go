// Package resolve finds out what a set of properties means: it merges what was given with what an authentication profile, the host's
// name and the AWS configuration say, refuses what contradicts, and remembers where each value came from. It makes no call.
package resolve

import (
	"time"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/secret"
)

// An Origin says where a value came from. Each wins over those after it.
type Origin string

// The origins, the strongest first.
const (
	Explicit        Origin = "explicit"               // the program's own properties
	FromAuthProfile Origin = "authentication profile" // kept by Redshift
	FromHost        Origin = "host"                   // read from the name of the host
	FromEnvironment Origin = "environment"            // AWS_REGION and the like
	FromAWSProfile  Origin = "AWS profile"            // of the shared configuration files
	Default         Origin = "default"
)

// A Login says how a login is got.
type Login string

// The ways to a login.
const (
	GetClusterCredentials        Login = "GetClusterCredentials"
	GetClusterCredentialsWithIAM Login = "GetClusterCredentialsWithIAM"
	GetCredentials               Login = "GetCredentials" // of Redshift Serverless
	ConsumerSecret               Login = "GetSecretValue" // Sluice keeps a login fresh in it
	Password                     Login = "password"       // IAM is off: UID and PWD
)

// A Kind says where AWS credentials come from.
type Kind string

// The kinds of AWS credentials.
const (
	DefaultChain    Kind = "default chain" // as the AWS SDK looks for them: environment, files, container, instance
	Static          Kind = "access key"
	Profile         Kind = "profile" // of the shared configuration files, with all that they may say
	InstanceProfile Kind = "instance profile"
)

// Credentials say how to get AWS credentials.
type Credentials struct {
	Kind                          Kind
	Profile                       string
	AccessKeyID                   string
	SecretAccessKey, SessionToken secret.Value

	// A role to assume with them, if it is not empty.
	RoleARN, ExternalID, SessionName string

	StsEndpoint string // empty is AWS's own
}

// Base are those that the role of RoleARN is assumed with; without a role, they are c.
func (c Credentials) Base() Credentials {
	c.RoleARN, c.ExternalID, c.SessionName = "", "", ""
	return c
}

// An SSLMode says how much of a certificate is checked.
type SSLMode string

// The modes of TLS that there are.
const (
	VerifyFull SSLMode = "verify-full" // authority and name
	VerifyCA   SSLMode = "verify-ca"   // authority alone
)

// Settings are what properties come to.
type Settings struct {
	Login Login

	// Host and Port are where the connection goes. An empty host is looked up: see [Settings.Plan].
	Host       string
	Port       int // 0 with a host that is looked up: the port is, too
	Database   string
	ServerName string // that the certificate must be for; empty is Host's
	SSLMode    SSLMode
	CAFile     string // authorities to trust instead of the system's and Amazon's; empty is those

	Region string
	// One of these names the warehouse, unless Login is ConsumerSecret or Password.
	Cluster      string
	Workgroup    string
	CustomDomain string
	// GuessedDomain says that CustomDomain is the host, which is no name that AWS gives: it is looked up before it is used.
	GuessedDomain bool
	AccountID     string

	DbUser     string
	AutoCreate bool
	DbGroups   []string      // sorted, each once
	Duration   time.Duration // of the login; 0 is the service's default
	Endpoint   string        // of the AWS services; empty is AWS's own
	AWS        Credentials
	Secret     string // with ConsumerSecret

	User     string // with Password
	Password secret.Value

	Cache           bool
	ApplicationName string
	ConnectTimeout  time.Duration

	// Values are all of them with their origins, in the order in which people read them.
	Values []Value
}

// A Value is one setting for people to read.
type Value struct {
	Name property.Name
	Text string // a secret is masked
	From Origin
	Note string // for example that it was given and lost to another; may be empty
}

// A Notice tells of something that is not wrong and may surprise.
type Notice struct {
	Name property.Name
	Text string
}

// An Input is all that resolution looks at.
type Input struct {
	Explicit property.Set
	// AuthProfile is the content of the authentication profile that Explicit names. Unread says that it is not known yet; then, what
	// it could add is not missed.
	AuthProfile property.Set
	Unread      bool
	// Region is the one of the AWS configuration, and where that has it from. Unconfigured says that nobody has looked yet; then,
	// a region is not missed.
	Region       string
	RegionFrom   Origin
	Unconfigured bool
}
