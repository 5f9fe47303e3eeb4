package secretsmanager_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

const day = 24 * time.Hour

func TestCreate(t *testing.T) {
	w := newWorld(t)
	arn := w.create("one")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:111122223333:secret:app-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Errorf("ARN %s", arn)
	}
	for _, tc := range []struct {
		name  string
		in    awssecrets.CreateSecretInput
		code  string
		words string
	}{
		{"the same call again", awssecrets.CreateSecretInput{Name: new("app"), SecretString: new("one"), ClientRequestToken: token("a")}, "", ""},
		{"another value", awssecrets.CreateSecretInput{Name: new("app"), SecretString: new("two"), ClientRequestToken: token("a")}, "ResourceExistsException", "app already exists"},
		{"another token", awssecrets.CreateSecretInput{Name: new("app"), SecretString: new("one"), ClientRequestToken: token("b")}, "ResourceExistsException", "app already exists"},
		{"no value", awssecrets.CreateSecretInput{Name: new("app")}, "ResourceExistsException", "app already exists"},
		{"a name with a blank", awssecrets.CreateSecretInput{Name: new("an app")}, "ValidationException", "Invalid name"},
		{"a token that is too short", awssecrets.CreateSecretInput{Name: new("b"), SecretString: new("x"), ClientRequestToken: new("short")}, "InvalidParameterException", "32-64"},
		{"a reserved tag", awssecrets.CreateSecretInput{Name: new("b"), Tags: []types.Tag{{Key: new("aws:x"), Value: new("")}}}, "InvalidParameterException", "aws:x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.CreateSecret(t.Context(), &tc.in)
			if tc.code != "" {
				refused(t, err, tc.code, tc.words)
			} else if err != nil || *out.ARN != arn {
				t.Errorf("CreateSecret = %v, %v; want the secret that is there", out, err)
			}
		})
	}
}

// SDKs make tokens up; a raw request without one is refused.
func TestTokenIsRequired(t *testing.T) {
	w := newWorld(t)
	_, err := w.server.Do(t.Context(), alice, "secretsmanager", "CreateSecret", map[string]string{"Name": "app", "SecretString": "x"})
	if err == nil || !strings.HasPrefix(err.Error(), "InvalidRequestException: You must provide a ClientRequestToken") {
		t.Errorf("CreateSecret: %v", err)
	}
	w.create("one")
	_, err = w.server.Do(t.Context(), alice, "secretsmanager", "RotateSecret", map[string]string{"SecretId": "app", "RotationLambdaARN": function})
	if err == nil || !strings.HasPrefix(err.Error(), "InvalidParameterException: You must provide a ClientRequestToken") {
		t.Errorf("RotateSecret: %v", err)
	}
}

func TestSecretID(t *testing.T) {
	w := newWorld(t)
	arn := w.create("one")
	partial := arn[:len(arn)-len("-123456")]
	like, err := w.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: new("app-abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, id, want string // want is an ARN, empty for none
	}{
		{"name", "app", arn},
		{"complete ARN", arn, arn},
		{"ARN without its suffix", partial, arn},
		{"ARN with another suffix", partial + "-000000", ""},
		{"ARN of another account", strings.Replace(arn, "111122223333", "444455556666", 1), ""},
		{"partial ARN whose name ends like a suffix", partial + "-abcdef", ""},
		{"its complete ARN", *like.ARN, *like.ARN},
		{"a name that is not there", "ap", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.DescribeSecret(t.Context(), &awssecrets.DescribeSecretInput{SecretId: &tc.id})
			if tc.want == "" {
				refused(t, err, "ResourceNotFoundException", "can't find the specified secret")
			} else if err != nil || *out.ARN != tc.want {
				t.Errorf("DescribeSecret = %v, %v", out, err)
			}
		})
	}
}

func (w *world) delete(in awssecrets.DeleteSecretInput) (*awssecrets.DeleteSecretOutput, error) {
	in.SecretId = new("app")
	return w.DeleteSecret(w.t.Context(), &in)
}

func TestRecoveryWindow(t *testing.T) {
	w := newWorld(t)
	arn := w.create("one")
	out, err := w.delete(awssecrets.DeleteSecretInput{RecoveryWindowInDays: new(int64(7))})
	if err != nil {
		t.Fatal(err)
	}
	if left := out.DeletionDate.Sub(w.clock.Now()); left > 7*day || left < 7*day-time.Minute {
		t.Errorf("removed in %s, want a week", left)
	}
	_, err = w.get("")
	refused(t, err, "InvalidRequestException", "marked for deletion")
	refused(t, w.put("b", "two"), "InvalidRequestException", "marked for deletion")
	refused(t, w.move("X", "", "a"), "InvalidRequestException", "marked for deletion")
	refused(t, w.start("b"), "InvalidRequestException", "marked for deletion")
	_, err = w.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: new("app"), SecretString: new("one"), ClientRequestToken: token("a")})
	refused(t, err, "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	_, err = w.delete(awssecrets.DeleteSecretInput{})
	refused(t, err, "InvalidRequestException", "marked for deletion")
	for planned, want := range map[bool]int{false: 0, true: 1} {
		list, err := w.ListSecrets(t.Context(), &awssecrets.ListSecretsInput{IncludePlannedDeletion: &planned})
		if err != nil || len(list.SecretList) != want {
			t.Errorf("ListSecrets with planned deletions %v = %v, %v; want %d", planned, list, err, want)
		}
	}
	if d := w.describe(); d.DeletedDate == nil || !d.DeletedDate.Equal(*out.DeletionDate) {
		t.Errorf("DeletedDate %v, want %v", d.DeletedDate, out.DeletionDate)
	}

	w.clock.Advance(7*day - time.Minute)
	restored, err := w.RestoreSecret(t.Context(), &awssecrets.RestoreSecretInput{SecretId: new("app")})
	if err != nil || *restored.ARN != arn {
		t.Fatalf("RestoreSecret = %v, %v; want the same ARN", restored, err)
	}
	w.clock.Advance(2 * time.Minute)
	if value, err := w.get(""); err != nil || value != "one" || w.describe().DeletedDate != nil {
		t.Errorf("a restored secret: %q, %v", value, err)
	}
}

func TestRemoval(t *testing.T) {
	w := newWorld(t)
	arn := w.create("one")
	if _, err := w.delete(awssecrets.DeleteSecretInput{}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(30 * day)
	if _, err := w.get(""); code(err) != "ResourceNotFoundException" {
		t.Errorf("after the default window of 30 days: %v", err)
	}
	again := w.create("two")
	if again == arn {
		t.Errorf("a secret made again has its old ARN %s", arn)
	}
	_, err := w.DescribeSecret(t.Context(), &awssecrets.DescribeSecretInput{SecretId: &arn})
	refused(t, err, "ResourceNotFoundException", "")
}

func TestDeleteWithoutRecovery(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	_, err := w.delete(awssecrets.DeleteSecretInput{ForceDeleteWithoutRecovery: new(true), RecoveryWindowInDays: new(int64(7))})
	refused(t, err, "InvalidParameterException", "in conjunction with RecoveryWindowInDays")
	for _, days := range []int64{6, 31} {
		_, err = w.delete(awssecrets.DeleteSecretInput{RecoveryWindowInDays: &days})
		refused(t, err, "InvalidParameterException", "between 7 and 30")
	}
	if _, err := w.delete(awssecrets.DeleteSecretInput{}); err != nil {
		t.Fatal(err)
	}
	force := awssecrets.DeleteSecretInput{ForceDeleteWithoutRecovery: new(true)}
	for _, state := range []string{"scheduled for deletion", "gone"} {
		if _, err := w.delete(force); err != nil {
			t.Errorf("forced deletion of a secret that is %s: %v", state, err)
		}
	}
	w.create("two")
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	tags := func(pairs ...string) (tags []types.Tag) {
		for i := 0; i < len(pairs); i += 2 {
			tags = append(tags, types.Tag{Key: &pairs[i], Value: &pairs[i+1]})
		}
		return tags
	}
	text := func() (s string) {
		for _, tag := range w.describe().Tags {
			s += *tag.Key + "=" + *tag.Value + " "
		}
		return s
	}
	put := func(pairs ...string) error {
		_, err := w.TagResource(t.Context(), &awssecrets.TagResourceInput{SecretId: new("app"), Tags: tags(pairs...)})
		return err
	}
	if err := put("stage", "dev", "owner", "bi"); err != nil {
		t.Fatal(err)
	}
	if err := put("stage", "prod"); err != nil || text() != "owner=bi stage=prod " {
		t.Errorf("tags %s, %v", text(), err)
	}
	refused(t, put("new", "x", "new", "y"), "InvalidParameterException", "twice")
	_, err := w.UntagResource(t.Context(), &awssecrets.UntagResourceInput{SecretId: new("app"), TagKeys: []string{"owner", "absent"}})
	if err != nil || text() != "stage=prod " {
		t.Errorf("tags %s, %v", text(), err)
	}
}

func TestListSecrets(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"sluice/dev/app", "sluice/prod/app", "other"} {
		in := &awssecrets.CreateSecretInput{Name: &name, Description: new("Of " + name)}
		if strings.HasPrefix(name, "sluice") {
			in.Tags = []types.Tag{{Key: new("sluice:stage"), Value: new(strings.Split(name, "/")[1])}}
		}
		if _, err := w.CreateSecret(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Second)
	}
	filter := func(key types.FilterNameStringType, values ...string) types.Filter {
		return types.Filter{Key: key, Values: values}
	}
	for _, tc := range []struct {
		name string
		in   awssecrets.ListSecretsInput
		want []string
	}{
		{"all, oldest first", awssecrets.ListSecretsInput{}, []string{"sluice/dev/app", "sluice/prod/app", "other"}},
		{"newest first", awssecrets.ListSecretsInput{SortOrder: types.SortOrderTypeDesc}, []string{"other", "sluice/prod/app", "sluice/dev/app"}},
		{"by name", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("name", "sluice/")}}, []string{"sluice/dev/app", "sluice/prod/app"}},
		{"by tag key", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("tag-key", "sluice:")}}, []string{"sluice/dev/app", "sluice/prod/app"}},
		{"by tag value", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("tag-value", "prod", "test")}}, []string{"sluice/prod/app"}},
		{"without a tag value", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("tag-value", "!prod")}}, []string{"sluice/dev/app", "other"}},
		{"by description, in any case", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("description", "of O")}}, []string{"other"}},
		{"by two filters", awssecrets.ListSecretsInput{Filters: []types.Filter{filter("name", "sluice/"), filter("tag-value", "dev")}}, []string{"sluice/dev/app"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.MaxResults = new(int32(2)) // so that every longer list has two pages
			var got []string
			for pages := awssecrets.NewListSecretsPaginator(w.Client, &tc.in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.SecretList {
					got = append(got, *s.Name)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	_, err := w.ListSecrets(t.Context(), &awssecrets.ListSecretsInput{Filters: []types.Filter{filter("primary-region", "us-east-1")}})
	refused(t, err, "InvalidParameterException", "does not have the filter key")
}

func TestResourcePolicy(t *testing.T) {
	const policy = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}}`
	w := newWorld(t)
	w.create("one")
	put := func(document string, block bool) error {
		_, err := w.PutResourcePolicy(t.Context(), &awssecrets.PutResourcePolicyInput{SecretId: new("app"), ResourcePolicy: &document, BlockPublicPolicy: &block})
		return err
	}
	refused(t, put("no JSON", false), "MalformedPolicyDocumentException", "")
	refused(t, put(`{"Statement":[{"Effect":"Allow"}]}`, false), "MalformedPolicyDocumentException", "Principal")
	refused(t, put(policy, true), "PublicPolicyException", "")
	if err := put(policy, false); err != nil {
		t.Fatal(err)
	}
	got, err := w.GetResourcePolicy(t.Context(), &awssecrets.GetResourcePolicyInput{SecretId: new("app")})
	if err != nil || *got.ResourcePolicy != policy {
		t.Errorf("GetResourcePolicy = %v, %v", got, err)
	}
	w.policies.forget()
	_, _ = w.get("")
	if asked := w.policies.forget(); len(asked) != 1 || asked[0].ResourcePolicy != policy {
		t.Errorf("asked %+v; want the resource policy among what decides", asked)
	}
	if _, err := w.DeleteResourcePolicy(t.Context(), &awssecrets.DeleteResourcePolicyInput{SecretId: new("app")}); err != nil {
		t.Fatal(err)
	}
	got, err = w.GetResourcePolicy(t.Context(), &awssecrets.GetResourcePolicyInput{SecretId: new("app")})
	if err != nil || got.ResourcePolicy != nil {
		t.Errorf("GetResourcePolicy after its deletion = %v, %v", got, err)
	}
}

// What the policies are asked: "action resource key=value…", of the keys only those that a case names.
func TestAccess(t *testing.T) {
	for _, tc := range []struct {
		name string
		call func(*world) error
		keys []string
		want []string // ARN stands for that of the secret
	}{
		{"a read has the labels of the version", func(w *world) error { _, err := w.get(""); return err },
			[]string{"secretsmanager:VersionStage", "aws:ResourceTag/stage", "secretsmanager:ResourceTag/stage", "secretsmanager:SecretId"},
			[]string{"secretsmanager:GetSecretValue ARN secretsmanager:VersionStage=AWSCURRENT,X aws:ResourceTag/stage=dev secretsmanager:ResourceTag/stage=dev secretsmanager:SecretId=app"}},
		{"a read by version has them too", func(w *world) error {
			_, err := w.GetSecretValue(w.t.Context(), &awssecrets.GetSecretValueInput{SecretId: new("app"), VersionId: token("a")})
			return err
		}, []string{"secretsmanager:VersionStage", "secretsmanager:VersionId"},
			[]string{"secretsmanager:GetSecretValue ARN secretsmanager:VersionStage=AWSCURRENT,X secretsmanager:VersionId=" + *token("a")}},
		{"a missing secret is asked for by its id", func(w *world) error {
			_, err := w.DescribeSecret(w.t.Context(), &awssecrets.DescribeSecretInput{SecretId: new("absent")})
			return err
		}, nil, []string{"secretsmanager:DescribeSecret absent"}},
		{"creating with tags takes two actions", func(w *world) error {
			_, err := w.CreateSecret(w.t.Context(), &awssecrets.CreateSecretInput{Name: new("app"), Tags: []types.Tag{{Key: new("k"), Value: new("v")}}})
			return err
		}, []string{"secretsmanager:Name", "aws:RequestTag/k", "aws:TagKeys"},
			[]string{"secretsmanager:CreateSecret NEW secretsmanager:Name=app aws:RequestTag/k=v aws:TagKeys=k", "secretsmanager:TagResource NEW aws:RequestTag/k=v aws:TagKeys=k"}},
		{"listing has no resource", func(w *world) error {
			_, err := w.ListSecrets(w.t.Context(), &awssecrets.ListSecretsInput{})
			return err
		}, nil, []string{"secretsmanager:ListSecrets *"}},
		{"rotating takes the right to invoke the function", func(w *world) error { return w.start("r") },
			[]string{"secretsmanager:RotationLambdaARN", "secretsmanager:RotateImmediately", "secretsmanager:ModifyRotationRules"},
			[]string{"secretsmanager:RotateSecret ARN secretsmanager:RotationLambdaARN=" + function +
				" secretsmanager:RotateImmediately=true secretsmanager:ModifyRotationRules=false", "lambda:InvokeFunction " + function}},
		{"deleting has its window", func(w *world) error {
			_, err := w.delete(awssecrets.DeleteSecretInput{RecoveryWindowInDays: new(int64(9))})
			return err
		}, []string{"secretsmanager:RecoveryWindowInDays"}, []string{"secretsmanager:DeleteSecret ARN secretsmanager:RecoveryWindowInDays=9"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			arn := w.create("one")
			_, err := w.TagResource(t.Context(), &awssecrets.TagResourceInput{SecretId: new("app"), Tags: []types.Tag{{Key: new("stage"), Value: new("dev")}}})
			if err != nil || w.move("X", "", "a") != nil {
				t.Fatal("prepare the secret")
			}
			w.rotate.on["createSecret"] = func(step) error { return errStep } // no calls of the function's own
			w.policies.forget()
			_ = tc.call(w)
			var got []string
			for _, a := range w.policies.forget() {
				got = append(got, asText(a, arn, tc.keys))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

func asText(a awshttp.Access, arn string, keys []string) string {
	resource := a.Resource
	switch {
	case resource == arn:
		resource = "ARN"
	case strings.HasPrefix(resource, "arn:aws:secretsmanager:us-east-1:111122223333:secret:app-"):
		resource = "NEW"
	}
	text := a.Action + " " + resource
	for _, k := range keys {
		if values, ok := a.Context[k]; ok {
			text += " " + k + "=" + strings.Join(values, ",")
		}
	}
	return text
}

// A denial comes before anything else is told or done.
func TestDenials(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	for _, action := range []string{"GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "RotateSecret"} {
		w.policies.deny = []string{"secretsmanager:" + action}
		var err error
		switch action {
		case "GetSecretValue":
			_, err = w.get("")
		case "PutSecretValue":
			err = w.put("b", "two")
		case "UpdateSecretVersionStage":
			err = w.move("X", "", "a")
		case "RotateSecret":
			err = w.start("b")
		}
		refused(t, err, "AccessDeniedException", action)
	}
	w.policies.deny = []string{"lambda:InvokeFunction"}
	refused(t, w.start("b"), "AccessDeniedException", "lambda:InvokeFunction")
	w.policies.deny = []string{"secretsmanager:TagResource"}
	_, err := w.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: new("tagged"), Tags: []types.Tag{{Key: new("k"), Value: new("v")}}})
	refused(t, err, "AccessDeniedException", "TagResource")
	w.policies.deny = nil
	if got, want := w.labels(), "a:AWSCURRENT"; got != want {
		t.Errorf("labels %q, want %q: denied calls do nothing", got, want)
	}
	if out, err := w.ListSecrets(t.Context(), &awssecrets.ListSecretsInput{}); err != nil || len(out.SecretList) != 1 {
		t.Errorf("ListSecrets = %v, %v; want the one secret", out, err)
	}
}

func TestGetRandomPassword(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name string
		in   awssecrets.GetRandomPasswordInput
		want string // pattern, or the beginning of an error code
	}{
		{"default", awssecrets.GetRandomPasswordInput{}, `^[!-~]{32}$`},
		{"length", awssecrets.GetRandomPasswordInput{PasswordLength: new(int64(64))}, `^[!-~]{64}$`},
		{"letters only", awssecrets.GetRandomPasswordInput{ExcludePunctuation: new(true), ExcludeNumbers: new(true)}, `^[A-Za-z]{32}$`},
		{"without some", awssecrets.GetRandomPasswordInput{ExcludePunctuation: new(true), ExcludeLowercase: new(true), ExcludeUppercase: new(true), ExcludeCharacters: new("012345678")}, `^9{32}$`},
		{"nothing is left", awssecrets.GetRandomPasswordInput{ExcludePunctuation: new(true), ExcludeLowercase: new(true), ExcludeUppercase: new(true), ExcludeNumbers: new(true)}, "InvalidParameterException"},
		{"too short for each type", awssecrets.GetRandomPasswordInput{PasswordLength: new(int64(3))}, "InvalidParameterException"},
		{"too long", awssecrets.GetRandomPasswordInput{PasswordLength: new(int64(4097))}, "InvalidParameterException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.GetRandomPassword(t.Context(), &tc.in)
			if err != nil {
				if code(err) != tc.want {
					t.Error(err)
				}
				return
			}
			if !regexp.MustCompile(tc.want).MatchString(*out.RandomPassword) {
				t.Errorf("password of %d characters does not match %s", len(*out.RandomPassword), tc.want)
			}
		})
	}
}
