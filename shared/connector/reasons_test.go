package connector_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The README has a row for each reason that a connection can fail with.
func TestReadmeHasEveryReason(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "### When a connection fails\n")
	tables, _, found := strings.Cut(after, "\n### ")
	if !found {
		t.Fatal("the README has no section on connections that fail, or it does not end")
	}
	constant := regexp.MustCompile(`(?m)^\t\w+ += "([A-Z]\w+)"`)
	for _, file := range []string{"../aws/awslease/reason.go", "../aws/awserror/awserror.go", "login/reasons.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reasons := constant.FindAllStringSubmatch(string(source), -1)
		if len(reasons) == 0 {
			t.Errorf("%s has no reasons; correct this test", file)
		}
		for _, reason := range reasons {
			if !strings.Contains(tables, "`"+reason[1]+"`") {
				t.Errorf("the README has no row for %s, of %s", reason[1], file)
			}
		}
	}
}
