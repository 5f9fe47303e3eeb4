package federation

import "github.com/sluicehq/sluice/shared/settings"

// Configure is the configuration that a deployment gives its provision function.
func Configure(p settings.Provision) Config {
	return Config{
		Namer: Namer{Stage: p.Stage, Place: p.Place()}, Warehouses: p.Federation.Warehouses, Hosts: p.Federation.Hosts, Boundary: p.Boundary,
		Profile: p.Federation.Policy, Key: p.Federation.Key, RecoveryDays: p.Federation.RecoveryDays, ClaimFor: claimFor,
	}
}
