package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/secret"
)

// A Credential is a login to a source as secrets hold it. Secrets that RDS manages have user and password only.
//
// Source: AWS Secrets Manager User Guide, "JSON structure of AWS Secrets Manager database credential secrets".
type Credential struct {
	Engine   string // empty if the secret does not say
	Host     string
	Port     int // 0 if the secret does not say
	User     string
	Password secret.Value
	Database string
	Instance string // RDS instance identifier
}

// Encode is c in the RDS format, with what is set.
func (c Credential) Encode() secret.Value {
	text, err := json.Marshal(struct {
		Engine   string `json:"engine,omitempty"`
		Host     string `json:"host,omitempty"`
		Port     int    `json:"port,omitempty"`
		User     string `json:"username"`
		Password string `json:"password"`
		Database string `json:"dbname,omitempty"`
		Instance string `json:"dbInstanceIdentifier,omitempty"`
	}{c.Engine, c.Host, c.Port, c.User, c.Password.Reveal(), c.Database, c.Instance})
	if err != nil {
		panic("source: texts and a number do not encode") // cannot happen
	}
	return secret.New(string(text))
}

// DecodeCredential reads the value of a secret whose ARN is id. Names of members are case-sensitive, as they are for
// AWS; those that are not in [Credential] are ignored; the port may be a number or a text. Its error is a
// *[fault.Error] with the reason [SecretUnreadable], and quotes nothing of the value.
func DecodeCredential(id string, value secret.Value) (Credential, error) {
	unreadable := func(what string) (Credential, error) {
		return Credential{}, &fault.Error{Kind: fault.Blocked, Reason: SecretUnreadable, Op: "read secret", Subject: id, Err: errors.New(what),
			Fix: `give the secret the JSON of an RDS login: {"engine": "postgres", "username": "…", "password": "…"}`}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(value.Reveal()), &members) != nil {
		return unreadable("the value is not a JSON object") // the decoder's words quote the value
	}
	var c Credential
	var password string
	for name, into := range map[string]*string{"engine": &c.Engine, "host": &c.Host, "username": &c.User, "password": &password, "dbname": &c.Database, "dbInstanceIdentifier": &c.Instance} {
		if text, ok := members[name]; ok && json.Unmarshal(text, into) != nil {
			return unreadable(name + " is not a text")
		}
	}
	c.Password = secret.New(password)
	if text, ok := members["port"]; ok {
		number, quoted := string(text), ""
		if json.Unmarshal(text, &quoted) == nil {
			number = quoted
		}
		port, err := strconv.Atoi(number)
		if number != "" && (err != nil || port < 1 || port > maxPort) {
			return unreadable(fmt.Sprintf("port is not a number from 1 to %d", maxPort))
		}
		c.Port = port
	}
	switch {
	case c.User == "":
		return unreadable("username is missing")
	case password == "":
		return unreadable("password is missing")
	}
	return c, nil
}
