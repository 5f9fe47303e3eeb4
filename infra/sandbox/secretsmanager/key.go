package secretsmanager

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// A KeyUser is KMS as Secrets Manager calls it: in the name of its own caller.
type KeyUser interface {
	// Use reports why by may not do action with a key by way of a service, with an encryption context. Nil means that it may.
	Use(by awshttp.Principal, action, key, via string, context map[string]string) error
	// ARN is that of the key with an id, an ARN or an alias.
	ARN(key string) (string, error)
}

// managedKey is the alias of the key that everybody in the account may use by way of Secrets Manager. Here it is the
// empty string, and KMS is not asked.
const managedKey = "alias/aws/secretsmanager"

// validation stands in the encryption context for a version when Secrets Manager tries out a key.
//
// Source: AWS Secrets Manager User Guide, "Secret encryption and decryption in AWS Secrets Manager".
const validation = "RequestToValidateKeyAccess"

// choose reads KmsKeyId and tries the key out. given is what descriptions show, and arn what is used; both are empty
// for AWS's own key.
//
// AWS does not say how a key is refused that is not there or cannot be used; EncryptionFailure is the error that it
// documents for keys in a wrong state.
func (s *Service) choose(by awshttp.Principal, secretARN, id string) (given, arn string, err error) {
	if id == "" || id == managedKey || strings.HasPrefix(id, "arn:") && strings.HasSuffix(id, ":"+managedKey) {
		return "", "", nil
	}
	if s.config.Keys == nil {
		return "", "", fmt.Errorf("use KMS key %s: this Secrets Manager was started without KMS", id)
	}
	if arn, err = s.config.Keys.ARN(id); err != nil {
		return "", "", encryptionFailure(err)
	}
	return id, arn, s.mayEncrypt(by, secretARN, arn, validation)
}

// mayEncrypt reports why by may not write a version with a key. Secrets Manager lets KMS make a data key, and open it.
func (s *Service) mayEncrypt(by awshttp.Principal, secretARN, key, version string) error {
	for _, action := range []string{"GenerateDataKey", "Decrypt"} {
		if err := s.useKey(by, action, secretARN, key, version); err != nil {
			return encryptionFailure(err)
		}
	}
	return nil
}

// mayDecrypt reports why by may not read a version: none of its keys opens it.
func (s *Service) mayDecrypt(by awshttp.Principal, r *record, v *version) error {
	var problem error
	for _, key := range v.keys {
		err := s.useKey(by, "Decrypt", r.arn, key, v.id)
		if err == nil {
			return nil
		}
		if problem == nil {
			problem = err
		}
	}
	return keyRefusal(problem, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

func (s *Service) useKey(by awshttp.Principal, action, secretARN, key, version string) error {
	if key == "" {
		return nil
	}
	via := "secretsmanager." + s.config.Region + ".amazonaws.com"
	return s.config.Keys.Use(by, action, key, via, map[string]string{"SecretARN": secretARN, "SecretVersionId": version})
}

// rekey encrypts the versions that matter with a new key as well. They stay readable with the old one. A version that
// by cannot open stays as it is.
func (s *Service) rekey(by awshttp.Principal, r *record, key string) {
	for _, v := range r.versions {
		matters := slices.ContainsFunc(v.labels, func(l string) bool { return l == labelCurrent || l == labelPending || l == labelPrevious })
		if v.value.kind == absent || !matters || slices.Contains(v.keys, key) {
			continue
		}
		if s.mayDecrypt(by, r, v) == nil && s.useKey(by, "GenerateDataKey", r.arn, key, v.id) == nil {
			v.keys = append([]string{key}, v.keys...)
		}
	}
}

func encryptionFailure(err error) error {
	return keyRefusal(err, "EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "+
		"Check that the KMS key is available, enabled, and not in an invalid state.")
}

// keyRefusal puts KMS's refusal as Secrets Manager does, which does not tell more of a permission that is missing.
func keyRefusal(err error, code, message string) error {
	refusal, ok := errors.AsType[*awshttp.Error](err)
	switch {
	case !ok:
		return err
	case refusal.Code == "AccessDeniedException":
		return &awshttp.Error{Code: refusal.Code, Message: "Access to KMS is not allowed"}
	default:
		return &awshttp.Error{Code: code, Message: message}
	}
}
