package property_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
)

func TestParseODBC(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       said
	}{
		{"plain", "Driver={Amazon Redshift (x64)};Server=h;Port=5439;Database=dev;UID=u;PWD=p",
			said{property.Host: "h", property.Port: "5439", property.Database: "dev", property.UID: "u", property.PWD: "p"}},
		{"spaces, empty parts, end", " ; Server = h ;; UID= u u ;", said{property.Host: "h", property.UID: "u u"}},
		{"braces", "Server=h;PWD={a;b}}c}", said{property.Host: "h", property.PWD: "a;b}c"}},
		{"spaces in braces and around", "PWD= { p } ;Server=h", said{property.Host: "h", property.PWD: " p "}},
		{"braces of braces", "PWD={{}}}}};Server={h}", said{property.Host: "h", property.PWD: "{}}"}},
		{"brace later in a value", "PWD=a{b}c;Server=h", said{property.Host: "h", property.PWD: "a{b}c"}},
		{"empty braces", "PWD={};Server=h", said{property.Host: "h"}},
		{"= in a value", "SessionToken=a=b==;Server=h", said{property.Host: "h", property.SessionToken: "a=b=="}},
		{"plus and percent as they are", "PWD=a+b%20c;Server=h", said{property.Host: "h", property.PWD: "a+b%20c"}},
		{"a URL in a value", "EndpointUrl=https://example.com/;Server=h", said{property.Host: "h", property.EndpointURL: "https://example.com/"}},
		{"last of one spelling", "Server=h1;UID=a;server=h3;SERVER=h2", said{property.Host: "h2", property.UID: "a"}},
		{"last of one spelling is empty", "Server=h1;HOST=h2;server=", said{property.Host: "h2"}},
		{"two spellings alike", "Server=h1;HOST=H1;IAM=1;iam=true", said{property.Host: "h1", property.IAM: "true"}},
		{"lines", "Server=h\r\n;UID=u\n", said{property.Host: "h", property.UID: "u"}},
		{"Servername is the host", "Servername=h;TLSServerName=other", said{property.Host: "h", property.TLSServerName: "other"}},
		{"begins like the scheme", "Redshift_x=;Server=h", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.Parse(tc.text)
			if tc.want == nil {
				refused(t, got, err, []string{"Redshift_x: is no property"})
				return
			}
			expect(t, got, err, tc.want)
		})
	}
}

func TestParseODBCRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"two spellings", "Server=h1;HOST=h2;server=h3", []string{"HOST: says something else than Server, and both are the property Server; keep one of them"}},
		{"braces left open", "Server=h;PWD={a;b}}c", []string{"PWD: has a value in braces that does not end as it should; write } at the end"}},
		{"text behind braces", "PWD={a}b;Server=h;zzzz=1", []string{"PWD: has a value in braces", "what follows a value in braces: has the form"}},
		{"braces of an unknown name", "zzzz={a;Server=h", []string{"connection string: has a value in braces"}},
		{"part without =", "Server=h;PWD=a;b;UID=u", []string{"what follows PWD: has a part that is not name=value; if it belongs to the value before,"}},
		{"last part without =", "Server=h;PWD=a;b", []string{"what follows PWD: has a part"}},
		{"first part without =", "b;Server=h", []string{"connection string: has a part"}},
		{"no name", "Server=h;=x", []string{"what follows Server: has a part"}},
		{"unknown", "Server=h;colour=red", []string{"colour: is no property; see PROPERTIES.md of github.com/sluicehq/sluice/shared/connector"}},
		{"unknown behind a secret", "PWD=a;colour=red;Server=h", []string{"what follows PWD: has the form of a property and is none; if it belongs to the value before,"}},
		{"slip behind a secret, or a part of it", "PWD=ab;Hunter2=x;Rest=1", []string{"what follows PWD: has the form of a property", "what follows PWD: has the form of a property"}},
		{"slip before a secret", "Servr=red;PWD=a;Server=h", []string{"Servr: is no property; did you mean Server?"}},
		{"unknown behind a slip for a secret", "Passwrd=a;Hunter2=x;Server=h", []string{"Passwrd: is no property; did you mean Password?", "what follows Passwrd: has the form of a property"}},
		{"data source", "DSN=warehouse", []string{"DSN: names further properties that are kept in a file, which this connector does not read; write out what the data source says"}},
		{"control characters", "col\x1b[31mour\u202e=red;Server=h", []string{"col?[31mour?: is no property"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := property.Parse(tc.text)
			refused(t, got, err, tc.want)
		})
	}
}
