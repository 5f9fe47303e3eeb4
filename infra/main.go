// Command infra is the CDK app that deploys one stage of Sluice.
//
// The CDK's command line starts it, as cdk.json says. Its context key "config" names the document that configures the
// stage: cdk synth -c config=infra/config/example.json.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/sluicehq/sluice/infra/config"
	"github.com/sluicehq/sluice/infra/stack"
)

func main() {
	defer jsii.Close()
	app := stack.NewApp("")
	if err := add(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		jsii.Close()
		os.Exit(1)
	}
	app.Synth(nil)
}

// add adds the stack that the context asks for.
func add(app awscdk.App) error {
	path, ok := app.Node().TryGetContext(new("config")).(string)
	if !ok {
		return fmt.Errorf("no configuration: run cdk with -c config=FILE, for example infra/config/example.json")
	}
	s, err := config.Read(path)
	if err != nil {
		return fmt.Errorf("%s is not right:\n%w", path, err)
	}
	_, err = stack.New(app, "sluice-"+s.Name, stack.Props{Config: s, Assets: "build"})
	return err
}
