package stack

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// NewApp starts the CDK. An empty outdir leaves the choice to the command line.
func NewApp(outdir string) awscdk.App {
	// jsii works on Node 20 and on newer ones too, and says at length which of them it prefers.
	for warning, value := range map[string]string{"UNTESTED": "1", "DEPRECATED": "1", "END_OF_LIFE": "20"} {
		os.Setenv("JSII_SILENCE_WARNING_"+warning+"_NODE_VERSION", value)
	}
	props := &awscdk.AppProps{AnalyticsReporting: new(false), TreeMetadata: new(false)}
	if outdir != "" {
		props.Outdir = &outdir
	}
	return awscdk.NewApp(props)
}
