// Package awsrds looks source databases up with the Amazon RDS API.
package awsrds

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/sluicehq/sluice/shared/aws/awserror"
	"github.com/sluicehq/sluice/shared/fault"
	"github.com/sluicehq/sluice/shared/federation"
	"github.com/sluicehq/sluice/shared/source"
)

// Databases implements [federation.Databases].
type Databases struct{ api *rds.Client }

var _ federation.Databases = (*Databases)(nil)

// New returns the Databases that api sees.
func New(api *rds.Client) *Databases { return &Databases{api} }

var causes = awserror.Table{
	"DBInstanceNotFound": {Kind: fault.Blocked, Reason: federation.SourceMissing, Fix: "correct the instance's identifier"},
}

// Instance implements [federation.Databases].
func (d *Databases) Instance(ctx context.Context, id string) (source.Database, bool, error) {
	out, err := d.api.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	err = awserror.Explain(err, "describe instance", id, causes)
	if fault.ReasonOf(err) == federation.SourceMissing {
		return source.Database{}, false, nil
	}
	if err != nil || len(out.DBInstances) == 0 {
		return source.Database{}, false, err
	}
	return database(out.DBInstances[0]), true, nil
}

// Instances implements [federation.Databases]. RDS cannot select by tag: all instances are read.
func (d *Databases) Instances(ctx context.Context, tag string) (map[string]source.Database, error) {
	tagged := make(map[string]source.Database)
	pages := rds.NewDescribeDBInstancesPaginator(d.api, &rds.DescribeDBInstancesInput{MaxRecords: new(int32(100))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserror.Explain(err, "list instances", "tag "+tag, causes)
		}
		for _, i := range page.DBInstances {
			if db := database(i); has(db.Tags, tag) {
				tagged[aws.ToString(i.DBInstanceIdentifier)] = db
			}
		}
	}
	return tagged, nil
}

func has(tags map[string]string, tag string) bool {
	_, ok := tags[tag]
	return ok
}

// database is what RDS says of an instance. An instance that is being made has no endpoint yet.
//
// Source: Amazon RDS API Reference, DBInstance.
func database(i types.DBInstance) source.Database {
	db := source.Database{
		Endpoint: source.Endpoint{Database: aws.ToString(i.DBName)}, Engine: aws.ToString(i.Engine), ResourceID: aws.ToString(i.DbiResourceId),
		ARN: aws.ToString(i.DBInstanceArn), Status: aws.ToString(i.DBInstanceStatus), Tags: make(map[string]string, len(i.TagList)),
	}
	if i.Endpoint != nil {
		db.Host, db.Port = aws.ToString(i.Endpoint.Address), int(aws.ToInt32(i.Endpoint.Port))
	}
	if i.MasterUserSecret != nil {
		db.MasterSecret, db.SecretStatus = aws.ToString(i.MasterUserSecret.SecretArn), aws.ToString(i.MasterUserSecret.SecretStatus)
	}
	for _, group := range i.VpcSecurityGroups {
		if aws.ToString(group.Status) == "active" {
			db.SecurityGroups = append(db.SecurityGroups, aws.ToString(group.VpcSecurityGroupId))
		}
	}
	for _, tag := range i.TagList {
		db.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return db
}
