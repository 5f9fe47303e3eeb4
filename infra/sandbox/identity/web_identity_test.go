package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
	"github.com/sluicehq/sluice/infra/sandbox/identity"
	"github.com/sluicehq/sluice/shared/secret"
)

const (
	cluster = "https://oidc.example.com/id/1"
	subject = "system:serviceaccount:reports:reader"
)

// webRole makes a role for one subject of the cluster.
func webRole(t *testing.T, w *world, issuer *identity.Issuer) string {
	t.Helper()
	return w.role(t, "pod", statement(`"Effect":"Allow","Principal":{"Federated":"`+issuer.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity",`+
		`"Condition":{"StringEquals":{"oidc.example.com/id/1:aud":"sts.amazonaws.com","oidc.example.com/id/1:sub":"`+subject+`"}}`),
		statement(`"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"`))
}

// stranger calls without credentials.
func (w *world) stranger() *sts.Client {
	return sts.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &w.url, Retryer: func() aws.Retryer { return aws.NopRetryer{} }})
}

func TestWebIdentity(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	issuer := identity.NewIssuer(w.clock, cluster)
	w.store.AddIssuer(issuer, "sts.amazonaws.com")
	arn, token := webRole(t, w, issuer), issuer.Token(subject, "sts.amazonaws.com", time.Hour)
	out, err := w.stranger().AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &arn, RoleSessionName: new("report"), WebIdentityToken: new(token.Reveal()), DurationSeconds: new(int32(900))})
	if err != nil {
		t.Fatal(err)
	}
	if *out.SubjectFromWebIdentityToken != subject || *out.Provider != cluster || *out.Audience != "sts.amazonaws.com" {
		t.Errorf("answer names %s, %s, %s", *out.SubjectFromWebIdentityToken, *out.Provider, *out.Audience)
	}
	c := w.config(session(&sts.AssumeRoleOutput{Credentials: out.Credentials}))
	who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if err != nil || *who.Arn != "arn:aws:sts::111122223333:assumed-role/pod/report" {
		t.Errorf("caller is %+v, %v", who, err)
	}
	if _, err := iam.NewFromConfig(c).ListRoles(ctx, nil); err != nil {
		t.Errorf("what the role may do: %v", err)
	}
	_, err = iam.NewFromConfig(c).ListUsers(ctx, nil)
	wantCode(t, err, "AccessDenied", "assumed-role/pod/report is not authorized to perform: iam:ListUsers")

	calls := w.server.Calls().List(awshttp.Filter{Operation: "AssumeRoleWithWebIdentity"})
	if len(calls) != 1 || calls[0].Principal != issuer.ARN() || len(calls[0].Accesses) != 1 || !calls[0].Accesses[0].Allowed {
		t.Errorf("recorded %+v", calls)
	}
	if strings.Contains(fmt.Sprintf("%+v", calls), token.Reveal()) {
		t.Error("the record shows the token")
	}
}

func TestWebIdentityIsRefused(t *testing.T) {
	w := newWorld(t)
	issuer, impostor, unknown := identity.NewIssuer(w.clock, cluster), identity.NewIssuer(w.clock, cluster), identity.NewIssuer(w.clock, "https://unknown.example.com")
	w.store.AddIssuer(issuer, "sts.amazonaws.com", "reports")
	role := webRole(t, w, issuer)
	other := w.role(t, "other", statement(`"Effect":"Allow","Principal":{"Federated":"`+unknown.ARN()+`"},"Action":"sts:AssumeRoleWithWebIdentity"`))
	byRole := w.role(t, "open", trustRoot)
	good := issuer.Token(subject, "sts.amazonaws.com", time.Hour)
	for _, tc := range []struct {
		name, role string
		token      secret.Value
		code, text string
	}{
		{"no JWT", role, secret.New("opaque"), "InvalidIdentityToken", "not a valid JWT"},
		{"claims that are no JSON", role, secret.New("a.b.c"), "InvalidIdentityToken", "not a valid JWT"},
		{"issuer that the account does not have", role, unknown.Token(subject, "sts.amazonaws.com", time.Hour), "InvalidIdentityToken",
			"No OpenIDConnect provider found in your account for https://unknown.example.com"},
		{"signed by another", role, impostor.Token(subject, "sts.amazonaws.com", time.Hour), "InvalidIdentityToken", "signature"},
		{"signature cut off", role, secret.New(good.Reveal()[:strings.LastIndex(good.Reveal(), ".")+1]), "InvalidIdentityToken", "signature"},
		{"audience that the provider does not have", role, issuer.Token(subject, "elsewhere", time.Hour), "InvalidIdentityToken", "Incorrect token audience"},
		{"ended", role, issuer.Token(subject, "sts.amazonaws.com", 0), "ExpiredTokenException", "Token expired: current date/time"},
		{"audience that the role does not trust", role, issuer.Token(subject, "reports", time.Hour), "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		{"subject that the role does not trust", role, issuer.Token(subject+"s", "sts.amazonaws.com", time.Hour), "AccessDenied", "Not authorized to perform"},
		{"role that trusts another provider", other, good, "AccessDenied", "Not authorized to perform"},
		{"role that trusts users", byRole, good, "AccessDenied", "Not authorized to perform"},
		{"role that is not there", role + "x", good, "AccessDenied", "Not authorized to perform"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := w.stranger().AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
				RoleArn: &tc.role, RoleSessionName: new("report"), WebIdentityToken: new(tc.token.Reveal())})
			wantCode(t, err, tc.code, tc.text)
		})
	}
	in := &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: new("report"), WebIdentityToken: new(good.Reveal()), DurationSeconds: new(int32(3601))}
	_, err := w.stranger().AssumeRoleWithWebIdentity(t.Context(), in)
	wantCode(t, err, "ValidationError", "MaxSessionDuration")
	_, err = w.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: new("report")})
	wantCode(t, err, "AccessDenied", "sts:AssumeRole on resource: "+role)
	w.clock.Advance(time.Hour)
	in.DurationSeconds = nil
	_, err = w.stranger().AssumeRoleWithWebIdentity(t.Context(), in)
	wantCode(t, err, "ExpiredTokenException", "must be before the expiration")
}

func TestNewIssuerPanicsOnABadURL(t *testing.T) {
	w := newWorld(t)
	for _, url := range []string{"http://oidc.example.com", "https://oidc.example.com/", "https://OIDC.example.com", "oidc.example.com", "https://x:1"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("NewIssuer(%q) did not panic", url)
				}
			}()
			identity.NewIssuer(w.clock, url)
		}()
	}
}
