package resolve

// A Link is one step on the way to AWS credentials that asks an AWS API.
type Link struct {
	Service, Operation string // as policies write them: sts, AssumeRole

	// Role is what is asked for: an ARN, or with single sign-on the name of a role.
	Role string

	// By is who asks: the ARN of the role before or, for people, what the credentials at the beginning are.
	By string

	// Signed says that the policy of By must allow the operation on Role. What is asked with a token instead needs none.
	Signed bool
}
