package awshttp_test

import (
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name, service, operation string
		input                    any
		want                     func(map[string]any) bool
	}{
		{"JSON", "secretsmanager", "PutSecretValue",
			map[string]any{"SecretId": "s", "SecretString": "v", "VersionStages": []string{"A"}},
			func(out map[string]any) bool { return out["Name"] == "s" && out["VersionStages"].([]any)[0] == "A" }},
		{"query, with lists of its own names and numbers as text", "redshift", "DescribeClusters",
			map[string]any{"MaxRecords": "7", "TagKeys": []string{"k"}},
			func(out map[string]any) bool {
				c := out["Clusters"].([]any)[0].(map[string]any)
				return c["NumberOfNodes"] == 7.0 && c["Tags"].([]any)[0].(map[string]any)["Key"] == "k" && c["DBName"] == nil
			}},
		{"REST, with path and query among the members", "scheduler", "GetSchedule",
			map[string]any{"Name": "n", "GroupName": "g"},
			func(out map[string]any) bool { return out["Name"] == "n" && out["GroupName"] == "g" }},
		{"no output", "scheduler", "TagResource",
			map[string]any{"ResourceArn": "r", "Tags": []map[string]string{{"Key": "k", "Value": "v"}}},
			func(out map[string]any) bool { return len(out) == 0 && w.store.get("r") == "rv" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.Do(t.Context(), alice, tc.service, tc.operation, tc.input)
			if err != nil {
				t.Fatal(err)
			}
			if !tc.want(out) {
				t.Errorf("output is %v", out)
			}
		})
	}
}

func TestDoIsAuthorized(t *testing.T) {
	w := newWorld(t)
	w.deny = []string{"secretsmanager:PutSecretValue"}
	_, err := w.Do(t.Context(), alice, "secretsmanager", "PutSecretValue", map[string]string{"SecretId": "s", "SecretString": "v"})
	wantCode(t, err, "AccessDeniedException")
}

func TestDoNamesWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	for _, service := range []string{"redshift", "dynamodb"} {
		_, err := w.Do(t.Context(), alice, service, "Nothing", nil)
		if err == nil || !strings.Contains(err.Error(), service) || !strings.Contains(err.Error(), "Nothing") {
			t.Errorf("%s: error is %v; want it to name service and operation", service, err)
		}
	}
}
