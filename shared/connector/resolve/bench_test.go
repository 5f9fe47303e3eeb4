package resolve_test

import (
	"testing"

	"github.com/sluicehq/sluice/shared/connector/property"
	"github.com/sluicehq/sluice/shared/connector/resolve"
)

func BenchmarkResolve(b *testing.B) {
	const text = "Server=" + clusterHost + ";Port=5439;Database=sales;IAM=1;DbUser=etl;AutoCreate=1;DbGroups={writers,readers};Region=us-west-2;SSLMode=verify-full;Profile=etl"
	set, err := property.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("properties", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := resolve.Resolve(resolve.Input{Explicit: set}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ODBC string", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			set, err := property.Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := resolve.Resolve(resolve.Input{Explicit: set}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReadHost(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := resolve.ReadHost(clusterHost); err != nil {
			b.Fatal(err)
		}
	}
}
