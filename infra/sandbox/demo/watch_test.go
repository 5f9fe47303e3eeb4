package main

import "testing"

func TestMessagesOfRedshiftAreToldInOneLine(t *testing.T) {
	const refusal = "ERROR: Not authorized to get credentials of role arn\n  Detail: \n  ------------\n  error:  Not authorized\n  code:      30000\n"
	if got, want := oneLine(refusal), "ERROR: Not authorized to get credentials of role arn Detail: error: Not authorized code: 30000"; got != want {
		t.Errorf("oneLine() = %q, want %q", got, want)
	}
	if got, want := firstLine(refusal), "ERROR: Not authorized to get credentials of role arn"; got != want {
		t.Errorf("firstLine() = %q, want %q", got, want)
	}
	if got := firstLine(""); got != "" {
		t.Errorf("firstLine of nothing = %q", got)
	}
}

func TestNamesInARNs(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:secretsmanager:us-east-1:111122223333:secret:sluice/sandbox/source/orders-9f86d081-a1b2c3": "sluice/sandbox/source/orders-9f86d081-a1b2c3",
		"arn:aws:iam::111122223333:role/sluice/sandbox/sluice-sandbox-orders-9f86d081":                      "sluice-sandbox-orders-9f86d081",
		"arn:aws:ec2:us-east-1:111122223333:security-group/sg-orders-prod":                                  "sg-orders-prod",
	} {
		if got := last(arn); got != want {
			t.Errorf("last(%q) = %q, want %q", arn, got, want)
		}
	}
}
