package secretsmanager

import (
	"context"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

type updateStageInput struct {
	SecretId            string `aws:"required"`
	VersionStage        string `aws:"required"`
	MoveToVersionId     *string
	RemoveFromVersionId *string
}

func (s *Service) updateSecretVersionStage(ctx context.Context, call *awshttp.Call) (any, error) {
	var in updateStageInput
	if err := call.Decode(&in); err != nil {
		return nil, err
	}
	defer s.lock(ctx)()
	r, err := s.openLive(call, "UpdateSecretVersionStage", in.SecretId, keys{"secretsmanager:VersionStage": {in.VersionStage}})
	if err != nil {
		return nil, err
	}
	if err := r.move(move{in.VersionStage, in.RemoveFromVersionId, in.MoveToVersionId}); err != nil {
		return nil, err
	}
	r.changed = s.now()
	return changed{ARN: r.arn, Name: r.name}, nil
}
