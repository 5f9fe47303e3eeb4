package secretsmanager

import (
	"encoding/base64"
	"slices"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// maxPage is the most that a page holds, and what it holds when the caller does not say.
const maxPage = 100

// page cuts the page out of all that follows the item which token stands for. token says where the last page ended,
// so that what is made or removed in between neither repeats nor hides another item.
func page[T any](all []T, size *int32, token *string, id func(T) string) (items []T, next string, err error) {
	limit := maxPage
	if size != nil {
		if *size < 1 || *size > maxPage {
			return nil, "", invalidParameter("MaxResults must be between 1 and %d.", maxPage)
		}
		limit = int(*size)
	}
	if token != nil {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		at := slices.IndexFunc(all, func(item T) bool { return id(item) == string(last) })
		if err != nil || at < 0 {
			return nil, "", &awshttp.Error{Code: "InvalidNextTokenException", Message: "The NextToken value is invalid."}
		}
		all = all[at+1:]
	}
	if len(all) > limit {
		all = all[:limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(id(all[limit-1])))
	}
	return all, next, nil
}
