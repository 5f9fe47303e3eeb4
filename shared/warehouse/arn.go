package warehouse

import "strings"

// A Place is where a cluster lives. ARNs of database users, databases and groups are made from it.
type Place struct{ Partition, Region, Account string }

// partitions other than aws, by how their regions begin.
//
// Source: AWS SDK for Go v2, internal/endpoints/awsrulesfn, partitions.json.
var partitions = []struct{ regions, name string }{
	{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"},
	{"eu-isoe-", "aws-iso-e"}, {"us-isof-", "aws-iso-f"}, {"eusc-", "aws-eusc"},
}

// PlaceIn is the place of an account and region, with the partition that the region belongs to.
func PlaceIn(account, region string) Place {
	partition := "aws"
	for _, p := range partitions {
		if strings.HasPrefix(region, p.regions) {
			partition = p.name
			break
		}
	}
	return Place{partition, region, account}
}

// UserARN names a database user, or a pattern of them, in policies.
func (p Place) UserARN(cluster, user string) string { return p.arn("dbuser:" + cluster + "/" + user) }

// DatabaseARN names a database in policies.
func (p Place) DatabaseARN(cluster, database string) string {
	return p.arn("dbname:" + cluster + "/" + database)
}

// GroupARN names a group of database users in policies.
func (p Place) GroupARN(cluster, group string) string {
	return p.arn("dbgroup:" + cluster + "/" + group)
}

func (p Place) arn(resource string) string {
	return "arn:" + p.Partition + ":redshift:" + p.Region + ":" + p.Account + ":" + resource
}
