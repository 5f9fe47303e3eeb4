package property

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write PROPERTIES.md anew")

// propertiesFile is the table that people read.
const propertiesFile = "../PROPERTIES.md"

func TestPropertiesAreListedAsTheyAreRead(t *testing.T) {
	want := list()
	if *update {
		if err := os.WriteFile(propertiesFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(propertiesFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(is) != want {
		t.Error("PROPERTIES.md is not what the catalogue says; run go test ./shared/connector/property -run Properties -update")
	}
}

// list is the catalogue for people.
func list() string {
	var b strings.Builder
	count, own := make(map[use]int), 0
	for i := range catalogue {
		r := &catalogue[i]
		count[r.use]++
		if len(r.odbc)+len(r.jdbc)+len(r.python) == 0 {
			own++
		}
	}
	fmt.Fprintf(&b, `# Connection properties

Written by %sgo test ./shared/connector/property -run Properties -update%s from the catalogue; do not edit.
The connector knows %d properties, those of Amazon's ODBC, JDBC and Python drivers and %d of its own: it takes %d, refuses %d and
ignores %d. Case, "_" and "-" do not count in a name. A name that is not in these tables is an error.
`, "`", "`", len(catalogue), own, count[taken], count[refused], count[ignored])
	table(&b, "Where to connect, and as whom", "", loginRows, taken)
	table(&b, "AWS credentials", "", awsRows, taken)
	table(&b, "TLS", "", tlsRows, taken)
	table(&b, "Refused: plugins of identity providers", "", identityRows, refused)
	table(&b, "Refused: routes, trust and files", "Silence would change where a program connects, as whom, or whom it trusts.", routeRows, refused)
	table(&b, "Refused: sessions", "Silence would change what a program reads and writes.", sessionRows, refused)
	table(&b, "Ignored, with a notice", "These tune a driver.", tuningRows, ignored)
	return b.String()
}

func table(b *strings.Builder, title, words string, rows []row, only use) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if words != "" {
		fmt.Fprintf(b, "%s\n\n", words)
	}
	b.WriteString("| property | ODBC | JDBC | Python | also | what this connector does |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		if r.use != only {
			panic(r.spellings()[0] + " is in the wrong group")
		}
		does := r.does
		if r.fix != "" {
			does += " Instead: " + r.fix + "."
		}
		for _, h := range r.harmless {
			does += " The value `" + h + "` passes."
		}
		name := string(r.name)
		if name == "" {
			name = strings.TrimSpace(r.spellings()[0])
		}
		also := code(r.also)
		for _, s := range r.inProfile {
			also = strings.TrimPrefix(also+", `"+s+"` in an authentication profile", ", ")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", name, code(r.odbc), code(r.jdbc), code(r.python), also, does)
	}
}

func code(spellings []string) string {
	var all []string
	for _, s := range spellings {
		all = append(all, "`"+strings.TrimSpace(s)+"`")
	}
	return strings.Join(all, ", ")
}
