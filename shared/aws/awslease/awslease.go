// Package awslease asks AWS for what the connector needs: temporary logins by three APIs, endpoints, custom domains,
// authentication profiles and consumers' secrets, with AWS credentials of every kind that the SDK knows.
package awslease
