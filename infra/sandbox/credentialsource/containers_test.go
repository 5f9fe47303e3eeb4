package credentialsource_test

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/sluicehq/sluice/infra/sandbox/credentialsource"
)

var (
	trustTasks = trusting(`"Service":"ecs-tasks.amazonaws.com"`, `"sts:AssumeRole"`)
	trustPods  = trusting(`"Service":"pods.eks.amazonaws.com"`, `"sts:AssumeRole","sts:TagSession"`)
)

func TestTask(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	where, err := w.boxes.AddTask(w.role(t, "task", trustTasks))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.url+where)
	session := "task/" + strings.ReplaceAll(path.Base(where), "-", "")
	held := load(t)
	wantCaller(t, held, session)
	w.clock.Advance(6 * time.Hour)
	_, err = caller(t.Context(), held)
	wantError(t, err, "ExpiredToken")
	wantCaller(t, load(t), session)

	if _, err := w.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: new("task"), PolicyDocument: new(trustEC2)}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	_, err = caller(t.Context(), load(t))
	wantError(t, err, "AccessDenied", "ecs-tasks.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "+account+"role/task")

	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.url+credentialsource.TaskPath+"another")
	_, err = caller(t.Context(), load(t))
	wantError(t, err, "InvalidIdInRequest", "Credentials not found")
}

func TestTaskDoesNotStartWithARoleThatItMayNotHave(t *testing.T) {
	w := newWorld(t)
	for _, role := range []string{w.role(t, "reader", trustEC2), account + "role/gone"} {
		_, err := w.boxes.AddTask(role)
		wantError(t, err, "ECS was unable to assume the role", role)
	}
}

func TestPod(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	role := w.role(t, "pod", trustPods)
	file := filepath.Join(t.TempDir(), "token")
	renew := func() {
		if err := os.WriteFile(file, []byte(w.boxes.AddPod(role, time.Hour).Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	renew()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.url+credentialsource.PodPath)
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)
	wantPod(t, load(t))
	w.clock.Advance(time.Hour)
	_, err := caller(t.Context(), load(t))
	wantError(t, err, "token is expired")
	renew()
	wantPod(t, load(t))

	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", w.boxes.AddPod(role, time.Hour).Reveal())
	wantPod(t, load(t))
}

// wantPod fails the test unless the caller is a pod with the role pod.
func wantPod(t *testing.T, c aws.Config) {
	t.Helper()
	who, err := caller(t.Context(), c)
	if err != nil || !strings.HasPrefix(who, "arn:aws:sts::111122223333:assumed-role/pod/eks-") {
		t.Fatalf("caller is %q, %v", who, err)
	}
	wantCaller(t, c, strings.TrimPrefix(who, "arn:aws:sts::111122223333:assumed-role/"))
}

func TestPodIsRefused(t *testing.T) {
	w := newWorld(t)
	w.environment(t)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", w.url+credentialsource.PodPath)
	untagged := w.role(t, "untagged", trusting(`"Service":"pods.eks.amazonaws.com"`, `"sts:AssumeRole"`))
	for _, tc := range []struct {
		name, token string
		want        []string
	}{
		{"no token", "", []string{"Service account token cannot be empty"}},
		{"token of nobody", "x", []string{"InvalidTokenException"}},
		{"role that does not trust pods", w.boxes.AddPod(w.role(t, "task", trustTasks), time.Hour).Reveal(), []string{"AccessDenied", "sts:AssumeRole on resource", "role/task"}},
		{"role that does not trust them with tags", w.boxes.AddPod(untagged, time.Hour).Reveal(), []string{"AccessDenied", "sts:TagSession on resource: " + untagged}},
		{"role that is not there", w.boxes.AddPod(account+"role/gone", time.Hour).Reveal(), []string{"AccessDenied", "role/gone"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", tc.token)
			_, err := caller(t.Context(), load(t))
			wantError(t, err, tc.want...)
			if tc.token != "" && strings.Contains(err.Error(), tc.token) && len(tc.token) > 1 {
				t.Error("the error shows the token")
			}
		})
	}
}

func TestContainersAnswerOnlyGET(t *testing.T) {
	w := newWorld(t)
	for _, p := range []string{credentialsource.PodPath, credentialsource.TaskPath + "x"} {
		if status, _ := w.request(t, http.MethodPost, p, nil); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s is answered with %d; want 405", p, status)
		}
	}
}
