// Command infra is the CDK app that deploys one stage of Sluice.
//
// The CDK's command line starts it, as cdk.json says. Its context key "config" names the document that configures the
// stage: cdk synth -c config=infra/config/example.json. The key "sandbox" says that the sandbox deploys it.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/infra/stack"
)

func main() {
	defer stop()
	app := awscdk.NewApp(&awscdk.AppProps{TreeMetadata: new(false)})
	if err := add(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
	app.Synth(nil)
}

// stop ends Node. jsii waits for it twice at once and then complains that one of the two found nothing to wait for.
func stop() {
	os.Stderr, _ = os.Open(os.DevNull)
	jsii.Close()
}

// add adds the stack that the context asks for.
func add(app awscdk.App) error {
	path, ok := app.Node().TryGetContext(new("config")).(string)
	if !ok {
		return errors.New("no configuration: run cdk with -c config=FILE, for example infra/config/example.json")
	}
	s, err := config.Read(path)
	if err != nil {
		return fmt.Errorf("%s is not right:\n%w", path, err)
	}
	_, err = stack.New(app, "sluice-"+s.Name, stack.Props{Config: s, Assets: "build", Sandbox: app.Node().TryGetContext(new("sandbox")) != nil})
	return err
}
