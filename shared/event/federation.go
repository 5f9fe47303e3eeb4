package event

// What the federation job announces, as detail-type.
const (
	FederationReady   = "Federation Ready"
	FederationBlocked = "Federation Blocked"
	FederationRemoved = "Federation Removed"
)

// What asks for something, as detail-type, on Sluice's own bus. The source of the event is up to who sends it.
const (
	SourceRequested = "Source Requested"
	SourceWithdrawn = "Source Withdrawn"
)

// A Federation is the detail of what the federation job announces.
type Federation struct {
	Name       string   `json:"name"`
	Warehouse  string   `json:"warehouse"`
	Source     string   `json:"source"` // instance identifier, or host:port
	Schema     string   `json:"schema"`
	Generation int      `json:"generation"` // of the wanted document
	Made       Made     `json:"made"`
	Conditions []string `json:"conditions,omitempty"`
	Reason     string   `json:"reason,omitempty"` // one word; of FederationBlocked
	Cause      string   `json:"cause,omitempty"`
	Remedy     string   `json:"remedy,omitempty"`
}

// Made is what a federation consists of.
type Made struct {
	Role     string `json:"role,omitempty"`   // ARN
	Secret   string `json:"secret,omitempty"` // ARN
	Login    string `json:"login,omitempty"`  // user in the source
	Schema   string `json:"schema,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // host:port/database
}
