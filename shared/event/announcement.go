package event

import "time"

// Source is the source of every event that Sluice puts on its own bus.
const Source = "sluice"

// What Sluice announces, as detail-type.
const (
	CredentialsRotated = "Credentials Rotated"
	CredentialsFailing = "Credentials Failing"
	CredentialsAtRisk  = "Credentials At Risk"
)

// A Consumer says whose credentials an announcement is about.
type Consumer struct {
	Consumer  string `json:"consumer"`
	Secret    string `json:"secret"` // ARN
	Warehouse string `json:"warehouse"`
}

// Rotated is the detail of [CredentialsRotated]: readers of the secret find a new lease from now on.
type Rotated struct {
	Consumer
	Version   string    `json:"version"`
	User      string    `json:"user"` // as it logs in: "IAM:app"
	IssuedAt  time.Time `json:"issuedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Failing is the detail of [CredentialsFailing]: a rotation did not succeed, and the last lease that worked stays.
type Failing struct {
	Consumer
	Step   string `json:"step"`   // of the rotation, or "tick"
	Kind   string `json:"kind"`   // "retry": it is tried again; "blocked": a person must act; "bug"
	Reason string `json:"reason"` // one word
	Cause  string `json:"cause"`
	Remedy string `json:"remedy,omitempty"`
}

// AtRisk is the detail of [CredentialsAtRisk]: little or no life is left in the lease that readers use.
type AtRisk struct {
	Consumer
	RemainingSeconds int       `json:"remainingSeconds"` // 0 once it has expired
	ExpiresAt        time.Time `json:"expiresAt"`
	Reason           string    `json:"reason"` // what the tick did about it, or why it failed: "Started", "BackingOff", "Throttled", …
}
