package secretsmanager_test

import (
	"testing"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/sluicehq/sluice/shared/secret"
)

const database = "arn:aws:rds:us-east-1:111122223333:db:orders"

// addManaged makes the secret of a database, and returns its ARN.
func (w *world) addManaged() *string {
	w.t.Helper()
	arn, err := w.service.AddManaged("rds", "rds!db-0123", secret.New("first"), map[string]string{"aws:rds:primaryDBInstanceArn": database})
	if err != nil {
		w.t.Fatal(err)
	}
	return &arn
}

func TestManagedSecret(t *testing.T) {
	w := newWorld(t)
	arn := w.addManaged()
	is, err := w.DescribeSecret(t.Context(), &awssecrets.DescribeSecretInput{SecretId: arn})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range is.Tags {
		tags[*tag.Key] = *tag.Value
	}
	if *is.OwningService != "rds" || tags["aws:secretsmanager:owningService"] != "rds" || tags["aws:rds:primaryDBInstanceArn"] != database || *is.Name != "rds!db-0123" {
		t.Errorf("DescribeSecret: %+v with tags %v", is, tags)
	}
	for _, filter := range []types.Filter{
		{Key: types.FilterNameStringTypeOwningService, Values: []string{"rds"}},
		{Key: types.FilterNameStringTypeTagValue, Values: []string{database}},
	} {
		found, err := w.ListSecrets(t.Context(), &awssecrets.ListSecretsInput{Filters: []types.Filter{filter}})
		if err != nil || len(found.SecretList) != 1 || *found.SecretList[0].ARN != *arn {
			t.Errorf("ListSecrets by %s: %+v, %v", filter.Key, found, err)
		}
	}
	read := func() string {
		t.Helper()
		out, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: arn})
		if err != nil {
			t.Fatal(err)
		}
		return *out.SecretString
	}
	if got := read(); got != "first" {
		t.Errorf("value %q", got)
	}
	if err := w.service.PutManaged(*arn, secret.New("second")); err != nil || read() != "second" {
		t.Errorf("after its service has put another: %q, %v", read(), err)
	}
	if err := w.service.RemoveManaged(*arn); err != nil {
		t.Fatal(err)
	}
	_, err = w.DescribeSecret(t.Context(), &awssecrets.DescribeSecretInput{SecretId: arn})
	refused(t, err, "ResourceNotFoundException", "can't find")
	if w.service.RemoveManaged(*arn) == nil {
		t.Error("a secret was removed twice")
	}
}

func TestManagedSecretIsClosedToOthers(t *testing.T) {
	w := newWorld(t)
	arn, ctx := w.addManaged(), t.Context()
	for name, call := range map[string]func() error{
		"DeleteSecret": func() error {
			_, err := w.DeleteSecret(ctx, &awssecrets.DeleteSecretInput{SecretId: arn})
			return err
		},
		"PutSecretValue": func() error {
			_, err := w.PutSecretValue(ctx, &awssecrets.PutSecretValueInput{SecretId: arn, SecretString: new("mine")})
			return err
		},
		"UpdateSecret": func() error {
			_, err := w.UpdateSecret(ctx, &awssecrets.UpdateSecretInput{SecretId: arn, Description: new("mine")})
			return err
		},
		"TagResource": func() error {
			_, err := w.TagResource(ctx, &awssecrets.TagResourceInput{SecretId: arn, Tags: []types.Tag{{Key: new("a"), Value: new("b")}}})
			return err
		},
		"UntagResource": func() error {
			_, err := w.UntagResource(ctx, &awssecrets.UntagResourceInput{SecretId: arn, TagKeys: []string{"a"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, call(), "InvalidRequestException", "managed by another service")
		})
	}
	if _, err := w.createWith(""); err != nil {
		t.Fatal(err)
	}
	if w.service.RemoveManaged("app") == nil {
		t.Error("a secret of the account's own was removed as a managed one")
	}
}
