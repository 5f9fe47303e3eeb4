package resolve

// Names of hosts are read within the package, and tested by themselves.

type Host = host

const (
	Provisioned     = provisioned
	ServerlessHost  = serverlessHost
	ManagedEndpoint = managedEndpoint
	PrivateLink     = privateLink
	LoadBalancer    = loadBalancer
	UnknownHost     = unknownHost
)

var ReadHost = readHost
