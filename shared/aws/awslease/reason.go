package awslease

// Reasons of faults, beside those of awserror.
const (
	// Of the AWS configuration; [Load] returns them.
	ProfileMissing       = "ProfileMissing"       // no file has the profile
	ProfileLoop          = "ProfileLoop"          // profiles name each other as their source
	ProfileInvalid       = "ProfileInvalid"       // a profile contradicts itself or lacks something
	MFARequired          = "MFARequired"          // a profile wants the code of a device, and nobody gives it
	ConfigurationInvalid = "ConfigurationInvalid" // anything else in the environment or in the files

	// Of AWS credentials.
	CredentialsMissing = "CredentialsMissing" // there are none
	CredentialsExpired = "CredentialsExpired" // they have ended
	CredentialsInvalid = "CredentialsInvalid" // AWS does not know the key, or its secret is wrong
	CredentialsFailed  = "CredentialsFailed"  // whoever gives them does not
	MetadataMissing    = "MetadataMissing"    // no EC2 instance metadata, or no role in them
	SessionExpired     = "SessionExpired"     // a person has to log in to AWS again

	// Of calls.
	RegionMissing         = "RegionMissing"         // nothing says in which region to call
	ClusterMissing        = "ClusterMissing"        // there is no such cluster
	WorkgroupMissing      = "WorkgroupMissing"      // there is no such workgroup
	WarehouseParked       = "WarehouseParked"       // the cluster is paused, or gives no logins and it is not known why
	WarehouseNotReady     = "WarehouseNotReady"     // the cluster gives no logins yet, or it or the workgroup has no endpoint yet
	DomainUnknown         = "DomainUnknown"         // nobody knows the custom domain
	WrongAPI              = "WrongAPI"              // the warehouse has no temporary logins of this kind
	AnswerIncomplete      = "AnswerIncomplete"      // an answer lacks what it must have
	AuthenticationProfile = "AuthenticationProfile" // there is no such authentication profile

	// Of consumers' secrets.
	SecretMissing  = "SecretMissing"  // there is no such secret
	SecretDeleted  = "SecretDeleted"  // it is being deleted
	SecretUnusable = "SecretUnusable" // its KMS key does not decrypt it
	NoLease        = "NoLease"        // no login was stored in it yet
	LeaseExpired   = "LeaseExpired"   // nobody has replaced the login in time
	NotALease      = "NotALease"      // it holds something else

	// Of functions that the program gives.
	Panic = "Panic" // one panicked
	Gone  = "Gone"  // one ended the goroutine that called it
)
