package resolve

// String says where credentials come from, without a secret.
func (c Credentials) String() string {
	text := string(c.Kind)
	if c.Profile != "" {
		text += " " + c.Profile
	}
	if c.RoleARN != "" {
		text += ", and with it the role " + c.RoleARN
	}
	return text
}
