package awslease_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/aws/awslease"
	"github.com/sluicehq/sluice/shared/aws/awstest"
	"github.com/sluicehq/sluice/shared/connector/resolve"
	"github.com/sluicehq/sluice/shared/fault"
)

// Whatever an answer is, no error quotes it: there may be a login in it, or half of one. What services say in their errors is another thing.
func TestErrorsQuoteNoAnswer(t *testing.T) {
	role := func(f *far) resolve.Credentials {
		c := static()
		c.RoleARN, c.StsEndpoint = role, f.url
		return c
	}
	mint := func(login resolve.Login) func(*testing.T, *far) error {
		return func(t *testing.T, f *far) error {
			s := settings(f)
			s.Login, s.Workgroup, s.Secret = login, "w", "x"
			_, err := load(t, static(), awslease.Options{}).Mint(t.Context(), s)
			return err
		}
	}
	asks := map[string]func(*testing.T, *far) error{
		"user": mint(resolve.GetClusterCredentials), "identity": mint(resolve.GetClusterCredentialsWithIAM), "workgroup": mint(resolve.GetCredentials), "secret": mint(resolve.ConsumerSecret),
		"role": func(t *testing.T, f *far) error {
			_, err := load(t, role(f), awslease.Options{Region: "us-west-2"}).Mint(t.Context(), settings(f))
			return err
		},
		"cluster's endpoint": func(t *testing.T, f *far) error {
			_, _, err := load(t, static(), awslease.Options{}).Endpoint(t.Context(), settings(f))
			return err
		},
		"workgroup's endpoint": func(t *testing.T, f *far) error {
			s := settings(f)
			s.Cluster, s.Workgroup = "", "w"
			_, _, err := load(t, static(), awslease.Options{}).Endpoint(t.Context(), s)
			return err
		},
		"domain": func(t *testing.T, f *far) error {
			s := settings(f)
			s.CustomDomain = "dw.example.com"
			_, err := load(t, static(), awslease.Options{}).DomainCluster(t.Context(), s)
			return err
		},
		"profile": func(t *testing.T, f *far) error {
			_, err := load(t, static(), awslease.Options{}).AuthenticationProfile(t.Context(), "us-west-2", f.url, "p")
			return err
		},
	}
	for name, a := range map[string]awstest.Answer{
		"text":                {Body: "correct horse"},
		"half an XML":         {Body: "<GetClusterCredentialsResponse><GetClusterCredentialsResult><DbPassword>correct horse</Db"},
		"another XML":         {Body: "<horse><horse>correct horse</horse></horse>"},
		"half a JSON":         {Body: `{"dbPassword":"correct horse","expiration":`},
		"JSON of other types": {Body: `{"dbPassword":["correct horse"],"SecretString":{"a":"correct horse"},"workgroup":"correct horse"}`},
		"JSON list":           {Body: `["correct horse"]`},
		"failing, with text":  {Status: 503, Body: "<html><body>correct horse</body></html>"},
		"refusing, with text": {Status: 403, Body: "correct horse"},
		"refusing, with JSON": {Status: 400, Body: `{"dbPassword":"correct horse"}`},
		"moving":              {Status: 302, Body: "correct horse"},
	} {
		for who, ask := range asks {
			t.Run(name+" for "+who, func(t *testing.T) {
				alone(t, "", "")
				err := ask(t, serve(t, a))
				if err == nil {
					t.Fatal("no error")
				}
				fails(t, err, fault.KindOf(err), fault.ReasonOf(err))
			})
		}
	}
}

// A file that the SDK cannot read is not quoted: a key may be in the line that is wrong.
func TestErrorsQuoteNoFile(t *testing.T) {
	for name, text := range map[string]string{
		"line without a name":   "[profile a]\n" + secretKey + "\n",
		"line without a =":      "[profile a]\naws_secret_access_key " + secretKey + "\n",
		"line before a profile": "aws_secret_access_key = " + secretKey + "\n[profile a]\n",
		"open section":          "[profile a\naws_secret_access_key = " + secretKey + "\n",
		"key as a section":      "[profile a]\n[" + secretKey + "\n",
		"indented":              "[profile a]\n  aws_secret_access_key = " + secretKey + "\n",
		"secret alone":          "[profile a]\naws_secret_access_key = " + secretKey + "\n",
		"a number that is none": "[profile a]\nduration_seconds = " + secretKey + "\nrole_arn = r\nsource_profile = a\n",
		"bytes":                 "\xff\xfe[profile a]\n" + secretKey,
	} {
		t.Run(name, func(t *testing.T) {
			for _, files := range [][2]string{{text, ""}, {"", text}, {"[profile a]\n", text}} {
				alone(t, files[0], files[1])
				c, err := awslease.Load(t.Context(), resolve.Credentials{Kind: resolve.Profile, Profile: "a"}, awslease.WithoutWaits(awslease.Options{Region: "us-west-2"}))
				if err == nil {
					_, err = c.Mint(t.Context(), settings(serve(t, awstest.Answer{})))
				}
				fails(t, err, fault.KindOf(err), fault.ReasonOf(err))
			}
		})
	}
}
