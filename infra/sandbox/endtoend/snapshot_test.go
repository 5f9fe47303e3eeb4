package endtoend_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/sluicehq/sluice/infra/sandbox/world"
	"github.com/sluicehq/sluice/shared/federation"
)

// snapshot is everything that federations consist of, as text: two worlds that are the same have the same text. The name of the
// federation, and what is random or a time, are written as what they stand for, so that federations compare.
func (f *federator) snapshot(name string) string {
	f.t.Helper()
	var b strings.Builder
	f.roles(&b)
	f.ownSecrets(&b)
	fmt.Fprintf(&b, "cluster: %v\n", f.clusterRoles())
	for _, r := range f.EC2.Rules("sg-" + world.Orders) {
		fmt.Fprintf(&b, "rule: %s %d %v\n", r.Source, r.From-f.sourcePort(), r.Tags)
	}
	f.schemas(&b)
	f.logins(&b)
	f.waiting(&b)
	text := b.String()
	names := federation.Namer{Stage: "sandbox", Place: place}
	hash := names.Role(orders(name))
	text = strings.ReplaceAll(text, hash[len(hash)-8:], "<hash>")
	text = strings.ReplaceAll(text, strings.ReplaceAll(name, "-", "_"), "<name>")
	return strings.ReplaceAll(text, name, "<name>")
}

// outcome is the record of a federation without times and counters.
func (f *federator) outcome(name string) string {
	f.t.Helper()
	rec := f.record(name)
	text, err := json.Marshal(map[string]any{"phase": rec.Phase, "reason": rec.Reason, "conditions": len(rec.Conditions), "ready": []bool{rec.Made.LoginReady, rec.Made.SchemaReady, rec.Made.Ingress},
		"claim": rec.Claim, "statement": rec.Statement})
	f.must(err)
	return string(text)
}

// do is an operation of AWS as the operator.
func (f *federator) do(service, operation string, input map[string]any) map[string]any {
	f.t.Helper()
	out, err := f.AWS.Do(f.t.Context(), operator, service, operation, input)
	f.must(err)
	return out
}

// items are the members of a list in an answer.
func items(answer map[string]any, name string) (all []map[string]any) {
	list, _ := answer[name].([]any)
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func (f *federator) roles(b *strings.Builder) {
	for _, r := range items(f.do("iam", "ListRoles", map[string]any{"PathPrefix": "/sluice/sandbox/"}), "Roles") {
		name := fmt.Sprint(r["RoleName"])
		role, _ := f.do("iam", "GetRole", map[string]any{"RoleName": name})["Role"].(map[string]any)
		fmt.Fprintf(b, "role: %s trust %s boundary %v tags %v\n", name, decoded(role["AssumeRolePolicyDocument"]), role["PermissionsBoundary"], role["Tags"])
		policies, _ := f.do("iam", "ListRolePolicies", map[string]any{"RoleName": name})["PolicyNames"].([]any)
		for _, p := range policies {
			policy := f.do("iam", "GetRolePolicy", map[string]any{"RoleName": name, "PolicyName": p})
			fmt.Fprintf(b, "  policy: %v %s\n", p, withoutSuffix(decoded(policy["PolicyDocument"])))
		}
	}
}

func decoded(document any) string {
	text, err := url.QueryUnescape(fmt.Sprint(document))
	if err != nil {
		return err.Error()
	}
	return text
}

// withoutSuffix writes the random ends of secrets' ARNs as what they are.
func withoutSuffix(text string) string {
	parts := strings.Split(text, ":secret:")
	for i := 1; i < len(parts); i++ {
		arn, rest, found := strings.Cut(parts[i], `"`)
		if found {
			rest = `"` + rest
		}
		parts[i] = arn[:max(0, len(arn)-7)] + "<suffix>" + rest
	}
	return strings.Join(parts, ":secret:")
}

// ownSecrets are those that are not in their recovery window.
func (f *federator) ownSecrets(b *strings.Builder) {
	all := items(f.do("secretsmanager", "ListSecrets", map[string]any{"MaxResults": 100, "Filters": []map[string]any{{"Key": "name", "Values": []string{"sluice/sandbox/source/"}}}}), "SecretList")
	var lines []string
	for _, s := range all {
		var tags []string
		for _, t := range items(s, "Tags") {
			if t["Key"] == federation.TagEndpoint {
				t["Value"] = "<endpoint>"
			}
			tags = append(tags, fmt.Sprintf("%v=%v", t["Key"], t["Value"]))
		}
		slices.Sort(tags)
		lines = append(lines, fmt.Sprintf("secret: %v %v\n", s["Name"], tags))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
}

// clusterRoles are the roles of the cluster with their state.
func (f *federator) clusterRoles() []string {
	var all []string
	for _, c := range items(f.do("redshift", "DescribeClusters", map[string]any{"ClusterIdentifier": world.Cluster}), "Clusters") {
		for _, r := range items(c, "IamRoles") {
			all = append(all, fmt.Sprintf("%v %v", r["IamRoleArn"], r["ApplyStatus"]))
		}
	}
	slices.Sort(all)
	return all
}

func (f *federator) sourcePort() int {
	f.t.Helper()
	s, err := f.Sources.Find(world.Orders)
	f.must(err)
	return s.Port()
}

// schemas are the external schemas of the warehouse, and who has usage of them.
func (f *federator) schemas(b *strings.Builder) {
	f.t.Helper()
	conn, err := f.Warehouse.Session(f.t.Context(), world.Database, world.Master)
	f.must(err)
	defer func() { _ = conn.Close(f.t.Context()) }()
	for _, query := range []string{
		"SELECT 'schema: ' || schemaname || ' ' || databasename || ' ' || esoptions FROM svv_external_schemas ORDER BY 1",
		"SELECT 'usage: ' || namespace_name || ' ' || identity_type || ' ' || identity_name FROM svv_schema_privileges WHERE privilege_type = 'USAGE' AND namespace_name IN (SELECT schemaname FROM svv_external_schemas) ORDER BY 1",
	} {
		rows, err := conn.Query(f.t.Context(), query)
		f.must(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		f.must(err)
		for _, line := range lines {
			fmt.Fprintln(b, withoutSuffix(strings.ReplaceAll(line, fmt.Sprintf(`"%d"`, f.sourcePort()), "<port>")))
		}
	}
}

// logins are our users in the source with their rights.
func (f *federator) logins(b *strings.Builder) {
	f.t.Helper()
	s, err := f.Sources.Find(world.Orders)
	f.must(err)
	conn, err := s.Open(f.t.Context())
	f.must(err)
	defer func() { _ = conn.Close(f.t.Context()) }()
	for _, query := range []string{
		"SELECT 'login: ' || rolname || ' ' || rolsuper || rolcreaterole || rolcanlogin || coalesce(array_to_string(rolconfig, ','), '') || ' ' || coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname LIKE 'sluice%' ORDER BY 1",
		"SELECT 'right: ' || grantee || ' ' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants WHERE grantee LIKE 'sluice%' ORDER BY 1",
		"SELECT 'default: ' || defaclacl::text FROM pg_default_acl WHERE defaclacl::text LIKE '%sluice%' ORDER BY 1",
	} {
		rows, err := conn.Query(f.t.Context(), query)
		f.must(err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		f.must(err)
		for _, line := range lines {
			fmt.Fprintln(b, line)
		}
	}
}

// waiting is what the queues hold, and the roles that wait for a change of the cluster.
func (f *federator) waiting(b *strings.Builder) {
	f.t.Helper()
	for _, q := range []string{workQueue, deadQueue} {
		for _, m := range f.SQS.Messages(q) {
			fmt.Fprintf(b, "message in %s: %s %v\n", q, m.Body, slices.Sorted(maps.Keys(m.Attributes)))
		}
	}
	item, _ := f.do("dynamodb", "GetItem", map[string]any{"TableName": tableName, "Key": map[string]any{"name": map[string]any{"S": "cluster#" + world.Cluster}}})["Item"].(map[string]any)
	for _, set := range []string{"add", "remove"} {
		if v, ok := item[set]; ok {
			fmt.Fprintf(b, "roles to %s: %v\n", set, v)
		}
	}
}
