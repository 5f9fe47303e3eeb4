package connector_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/sluicehq/sluice/shared/connector"
)

// A profile of ~/.aws/config says who asks for the login: with an access key, single sign-on, a role, or a program of one's own.
func ExampleOpen() {
	db, err := connector.Open("IAM=1;Server=examplecluster.abc123xyz789.us-west-2.redshift.amazonaws.com;Database=exampledb;" +
		"DbUser=app_reports;DbGroups=reporting;Profile=reports")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()

	var venues int
	if err := db.QueryRow("SELECT count(*) FROM venue WHERE venuecity = $1", "Ghent").Scan(&venues); err != nil {
		log.Fatal(err)
	}
	fmt.Println(venues)
}

// On an EC2 instance, its role asks for the login. Without InstanceProfile the AWS SDK looks for credentials, which also finds those of
// a container or of a function.
func ExampleOpen_instanceProfile() {
	db, err := connector.Open(map[string]string{
		"IAM": "1", "InstanceProfile": "1",
		"ClusterID": "examplecluster", "Region": "us-west-2", // host and port are looked up
		"Database": "exampledb", "DbUser": "app_reports", "AutoCreate": "1",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
}

// A role is assumed before the login is asked for, for example one in the account of the warehouse. With a workgroup of Redshift
// Serverless, that role is also who logs in.
func ExampleOpen_role() {
	db, err := connector.Open(map[string]string{
		"IAM": "1", "Server": "exampleworkgroup.111122223333.us-west-2.redshift-serverless.amazonaws.com", "Database": "exampledb",
		"RoleArn": "arn:aws:iam::111122223333:role/reports", "RoleSessionName": "nightly",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
}

// Sluice keeps a login fresh in a consumer's secret. The secret says who logs in and where; the program needs leave to read it, and no
// other.
func ExampleOpen_consumerSecret() {
	db, err := connector.Open("SecretID=arn:aws:secretsmanager:us-west-2:111122223333:secret:sluice/prod/analytics/reporting-Ab1Cd2")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
}

// What can be done about an error differs.
func ExampleOpen_errors() {
	db, err := connector.Open("redshift:iam://examplecluster:us-west-2/exampledb?DbUser=app_reports")
	if err != nil {
		log.Fatal(err) // the properties are wrong: it names all that is
	}
	defer func() { _ = db.Close() }()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	switch err := db.PingContext(ctx); {
	case err == nil:
	case errors.Is(err, connector.ErrUnreachable), errors.Is(err, connector.ErrBusy):
		log.Print("try again: ", err)
	case errors.Is(err, connector.ErrUserMissing), errors.Is(err, connector.ErrGroupMissing):
		log.Print("ask who runs the warehouse: ", err)
	case errors.Is(err, connector.ErrWrongCertificate), errors.Is(err, connector.ErrPlaintextRefused):
		log.Print("no password was sent: ", err)
	default:
		log.Print(err) // also what AWS refuses, with the permission that is missing
	}
}

// Everything that is wrong with properties is told at once.
func ExampleOpen_problems() {
	_, err := connector.Open("IAM=1;ClusterID=examplecluster;Database=exampledb;SSLMode=disable;DbGroups=Reporting")
	fmt.Println(err)
	// Output:
	// DbUser: is missing; name the database user to log in as
	// DbGroups: holds "Reporting", and groups are in lower case; write them in lower case, or set ForceLowercase to 1
	// SSLMode: is neither verify-full nor verify-ca, and nothing weaker keeps a login safe; write verify-full, or verify-ca where the name cannot be right
}

// A connector takes more than properties: a log that says where each value came from, and whoever reads the code on a device.
func ExampleNew() {
	c, err := connector.New("IAM=1;ClusterID=examplecluster;Database=exampledb;DbUser=app_reports;Profile=reports",
		connector.WithLogger(slog.Default()),
		connector.WithMFAToken(func() (code string, err error) {
			fmt.Print("code of the MFA device: ")
			_, err = fmt.Scanln(&code)
			return code, err
		}))
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer func() { _ = db.Close() }()
}

// Programs that can only be told the name of a driver and a string use this one.
func ExampleDriver() {
	db, err := sql.Open(connector.DriverName, "IAM=1;ClusterID=examplecluster;Region=us-west-2;Database=exampledb;DbUser=app_reports")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()
}

// Properties print without values: some are secret.
func ExampleParse() {
	set, err := connector.Parse("jdbc:redshift:iam://examplecluster:us-west-2/exampledb", map[string]string{"DbUser": "app_reports", "AccessKeyID": "AKIAIOSFODNN7EXAMPLE"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set)
	// Output: properties [AccessKeyID ClusterID Database DbUser IAM Region]
}

// An explanation says what would happen, and which permissions that takes. It makes no call.
func ExampleExplain() {
	e, err := connector.Explain(context.Background(), "IAM=1;ClusterID=examplecluster;Region=us-west-2;Database=exampledb;DbUser=app_reports")
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range e.Values {
		fmt.Println(v.Name, v.Text, "from", v.From)
	}
	for _, s := range e.Policy {
		fmt.Println("allow", s.Actions, "on", s.Resources)
	}
}
