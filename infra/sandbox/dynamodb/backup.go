package dynamodb

import (
	"context"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// backups is how a table is kept against mistakes. DynamoDB keeps the last 35 days unless it is told fewer.
type backups struct {
	pointInTime bool
	days        int64
	since       time.Time
}

// The days that point-in-time recovery may reach back.
const (
	minBackupDays = 1
	maxBackupDays = 35
)

type pointInTime struct {
	PointInTimeRecoveryStatus  string
	RecoveryPeriodInDays       *int64
	EarliestRestorableDateTime time.Time
	LatestRestorableDateTime   time.Time
}

type backupsOutput struct {
	ContinuousBackupsDescription struct {
		ContinuousBackupsStatus        string
		PointInTimeRecoveryDescription pointInTime
	}
}

// noBackups is what the two operations say of a table that is not there.
func noBackups(name string) error {
	return &awshttp.Error{Code: "TableNotFoundException", Message: "Table not found: " + name}
}

func (s *Service) updateContinuousBackups(_ context.Context, call *awshttp.Call) (any, error) {
	var in struct {
		TableName                        string `aws:"required"`
		PointInTimeRecoverySpecification struct {
			PointInTimeRecoveryEnabled *bool `aws:"required"`
			RecoveryPeriodInDays       *int64
		} `aws:"required"`
	}
	t, _, err := s.open(call, &in, &in.TableName, noBackups)
	if err != nil {
		return nil, err
	}
	want := backups{days: maxBackupDays, since: s.config.Clock.Now()}
	want.pointInTime = *in.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
	if days := in.PointInTimeRecoverySpecification.RecoveryPeriodInDays; days != nil {
		if want.days = *days; *days < minBackupDays || *days > maxBackupDays {
			return nil, invalid("RecoveryPeriodInDays must be between %d and %d.", minBackupDays, maxBackupDays)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.backups.pointInTime {
		want.since = t.backups.since
	}
	t.backups = want
	return s.backups(t), nil
}

func (s *Service) describeContinuousBackups(_ context.Context, call *awshttp.Call) (any, error) {
	var in tableInput
	t, _, err := s.open(call, &in, &in.TableName, noBackups)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backups(t), nil
}

// backups describes those of a table. DynamoDB can restore up to five minutes ago.
func (s *Service) backups(t *table) (out backupsOutput) {
	d := &out.ContinuousBackupsDescription
	d.ContinuousBackupsStatus = "ENABLED" // of every table
	d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus = "DISABLED"
	if !t.backups.pointInTime {
		return out
	}
	now, reach := s.config.Clock.Now(), time.Duration(t.backups.days)*24*time.Hour
	d.PointInTimeRecoveryDescription = pointInTime{"ENABLED", &t.backups.days, t.backups.since, now.Add(-5 * time.Minute)}
	if earliest := now.Add(-reach); earliest.After(t.backups.since) {
		d.PointInTimeRecoveryDescription.EarliestRestorableDateTime = earliest
	}
	return out
}
