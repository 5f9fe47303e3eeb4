package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/sluicehq/sluice/shared/credentials"
)

// The metrics of a tick. All consumers of a warehouse write to the same ones: their minimum is the worst off, and
// the number of metrics, which is what CloudWatch bills, does not grow with the consumers.
const (
	metricNamespace = "Sluice"
	metricLife      = "RemainingLife" // seconds of life left in the lease that readers use
	metricParked    = "Parked"        // 1 while the warehouse is parked on purpose: little life is then nobody's fault
)

type metricDefinition struct {
	Name string
	Unit string
}

type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricDefinition
}

type metricMetadata struct {
	Timestamp         int64 // milliseconds
	CloudWatchMetrics []metricDirective
}

// embedded is one line in CloudWatch's embedded metric format.
//
// Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
type embedded struct {
	Metadata      metricMetadata `json:"_aws"`
	Stage         string
	Warehouse     string
	Consumer      string // searchable in the log, no dimension
	RemainingLife float64
	Parked        int
}

// measure writes the metrics of one tick.
func measure(w io.Writer, stage string, look credentials.Look) error {
	line := embedded{
		Metadata: metricMetadata{
			Timestamp: time.Now().UnixMilli(), // CloudWatch's view of now, not that of a lease
			CloudWatchMetrics: []metricDirective{{
				Namespace:  metricNamespace,
				Dimensions: [][]string{{"Stage", "Warehouse"}},
				Metrics:    []metricDefinition{{metricLife, "Seconds"}, {metricParked, "Count"}},
			}},
		},
		Stage: stage, Warehouse: look.Consumer.Warehouse, Consumer: look.Consumer.Name, RemainingLife: look.Left.Seconds(),
	}
	if look.Action == credentials.Parked && look.Trouble == nil {
		line.Parked = 1
	}
	if err := json.NewEncoder(w).Encode(line); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
