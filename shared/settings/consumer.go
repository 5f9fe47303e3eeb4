package settings

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/warehouse"
)

// Tags of a consumer's secret. They say what to mint, where a reader of the secret cannot change it.
const (
	TagStage      = "sluice:stage"
	TagConsumer   = "sluice:consumer"
	TagWarehouse  = "sluice:warehouse"
	TagDatabase   = "sluice:database"
	TagUser       = "sluice:user"
	TagGroups     = "sluice:groups" // colon-separated; absent for none
	TagAutoCreate = "sluice:auto-create"
	TagAPI        = "sluice:api"
)

// GetClusterCredentials is the API that mints logins of named users on provisioned clusters.
const GetClusterCredentials = "GetClusterCredentials"

// Placeholder is the value that the deployment gives a consumer's secret. It never varies: CloudFormation
// would write a changed value over the lease that readers use.
const Placeholder = `{"engine":"redshift"}`

// A Consumer is what the tags of its secret say.
type Consumer struct {
	Stage     string
	Name      string
	Warehouse string
	API       string // GetClusterCredentials
	Login     warehouse.Login
}

// Tags is c as the tags of its secret.
func (c Consumer) Tags() map[string]string {
	tags := map[string]string{
		TagStage: c.Stage, TagConsumer: c.Name, TagWarehouse: c.Warehouse, TagAPI: c.API,
		TagDatabase: c.Login.Database, TagUser: c.Login.User, TagAutoCreate: strconv.FormatBool(c.Login.AutoCreate),
	}
	if len(c.Login.Groups) > 0 {
		tags[TagGroups] = strings.Join(c.Login.Groups, ":")
	}
	return tags
}

// LoadConsumer reads what [Consumer.Tags] wrote. Its error is a [fault.Problems] with all that is missing or wrong,
// unknown sluice: tags among them: what is not understood is not minted.
func LoadConsumer(tags map[string]string) (Consumer, error) {
	rest := maps.Clone(tags)
	var problems fault.Problems
	take := func(tag string) string {
		v := rest[tag]
		delete(rest, tag)
		if v == "" && tag != TagGroups {
			problems = append(problems, fault.Problem{Where: tag, What: "is missing", Fix: "deploy the consumer again"})
		}
		return v
	}
	c := Consumer{Stage: take(TagStage), Name: take(TagConsumer), Warehouse: take(TagWarehouse), API: take(TagAPI)}
	c.Login = warehouse.Login{Database: take(TagDatabase), User: take(TagUser)}
	if groups := take(TagGroups); groups != "" {
		c.Login.Groups = strings.Split(groups, ":")
	}
	if text := take(TagAutoCreate); text != "" {
		var err error
		if c.Login.AutoCreate, err = strconv.ParseBool(text); err != nil {
			problems = append(problems, fault.Problem{Where: TagAutoCreate, What: fmt.Sprintf("is %q", text), Fix: "write true or false"})
		}
	}
	if c.API != "" && c.API != GetClusterCredentials {
		problems = append(problems, fault.Problem{Where: TagAPI, What: fmt.Sprintf("%q is not an API that this version mints with", c.API), Fix: "write " + GetClusterCredentials})
	}
	for _, tag := range slices.Sorted(maps.Keys(rest)) {
		if strings.HasPrefix(tag, "sluice:") {
			problems = append(problems, fault.Problem{Where: tag, What: "is unknown", Fix: "remove it, or deploy the version that knows it"})
		}
	}
	return c, problems.Err()
}
