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

	// May is what else may be asked on the way, for people; mostly empty.
	May string
}

// Call is the call that a link makes.
func (l Link) Call() Call {
	parameter, takes := "RoleArn", "the role's trust policy alone"
	if l.Service != "sts" {
		parameter, takes = "roleName", "no policy"
	}
	why := "to get AWS credentials"
	if !l.Signed {
		why += " by " + l.By + ", which takes " + takes
	}
	why += ", and again when they end"
	if l.May != "" {
		why += "; " + l.May
	}
	return Call{l.Service, l.Operation, some(parameter, l.Role), why}
}

// Grant is what whoever asks needs for it. ok is false if that takes no policy.
func (l Link) Grant() (g Grant, ok bool) {
	return Grant{l.By, []Statement{{[]string{l.Service + ":" + l.Operation}, []string{l.Role}}}}, l.Signed
}
