// Package credentialsource plays what gives a workload its AWS credentials when it brings no key of its own.
//
// All of it stands on the sandbox's AWS endpoint, so that no further port is needed, and a program finds it by the
// variables of [Environment]:
//
//   - [Instance] is the metadata service of an EC2 instance, version 2 only.
//   - [Containers] answers tasks of ECS and pods of EKS, by AWS_CONTAINER_CREDENTIALS_FULL_URI. The relative form of
//     that variable means an address that no machine but a container has.
//   - [Portal] is the access portal of IAM Identity Center, which SDKs ask for profiles with sso_account_id.
//
// Beside them, STS itself takes the token of an [identity.Issuer] from AWS_WEB_IDENTITY_TOKEN_FILE.
//
// What they hand out are sessions of the sandbox's own roles. The trust policy of a role decides who gets one, and
// the role's policies what it may do; nobody has a role by default.
//
// Lives are measured by the sandbox's clock, but SDKs look at the machine's: one that has got credentials keeps them
// although [clock.Clock.Advance] has ended them, and is refused as expired. A test that moves the clock loads its
// configuration anew, or invalidates the SDK's cache.
//
// Requests to an instance or a container's agent are no calls of an API: they are neither recorded nor made to fail.
// Those to the portal are, as any other service's. Tokens and keys are kept in memory alone.
package credentialsource

// Environment is the variables by which AWS's SDKs find the services at the sandbox's AWS endpoint.
//
// STS and the access portal need their own: the SDK for Go asks them for credentials before it has read
// AWS_ENDPOINT_URL, and while that is set it passes over what a profile says of their endpoints.
func Environment(endpoint string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":                  endpoint,
		"AWS_ENDPOINT_URL_STS":              endpoint,
		"AWS_ENDPOINT_URL_SSO":              endpoint,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint,
	}
}
