package secretsmanager_test

// What Secrets Manager promises about versions, tokens and labels, as an SDK sees it. Each case is one promise.

import (
	"errors"
	"strings"
	"testing"
	"time"

	awssecrets "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestTokens(t *testing.T) {
	for _, tc := range []struct {
		name          string
		letter, value string
		want          string // error code
		versions      string
	}{
		{"a new token makes a version", "b", "two", "", "ab"},
		{"the same token and value change nothing", "a", "one", "", "a"},
		{"the same token and another value are refused: a version never changes", "a", "two", "ResourceExistsException", "a"},
		{"a new token makes a version of the same value too", "b", "one", "", "ab"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			if got := code(w.put(tc.letter, tc.value)); got != tc.want {
				t.Errorf("PutSecretValue: error %q, want %q", got, tc.want)
			}
			if got := w.versions(); got != tc.versions {
				t.Errorf("versions %q, want %q", got, tc.versions)
			}
		})
	}
}

func TestRepeatedPutLeavesLabelsAlone(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	if err := errors.Join(w.put("b", "two"), w.put("a", "one")); err != nil {
		t.Fatal(err)
	}
	if got, want := w.labels(), "a:AWSPREVIOUS b:AWSCURRENT"; got != want {
		t.Errorf("labels %q, want %q: the second put repeats an old call and does nothing", got, want)
	}
}

func TestUpdateSecretRefusesAKnownToken(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	_, err := w.UpdateSecret(t.Context(), &awssecrets.UpdateSecretInput{SecretId: new("app"), ClientRequestToken: token("a"), SecretString: new("one")})
	refused(t, err, "ResourceExistsException", "already in use")
	out, err := w.UpdateSecret(t.Context(), &awssecrets.UpdateSecretInput{SecretId: new("app"), Description: new("of the app")})
	if err != nil || out.VersionId != nil || *w.describe().Description != "of the app" {
		t.Errorf("UpdateSecret without a value = %v, %v; want a description and no version", out, err)
	}
}

func TestValues(t *testing.T) {
	for _, tc := range []struct {
		name   string
		length int
		want   string
	}{
		{"the longest value", 65536, ""},
		{"a longer one", 65537, "InvalidParameterException"},
		{"an empty one", 0, "InvalidParameterException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			if got := code(w.put("b", strings.Repeat("x", tc.length))); got != tc.want {
				t.Errorf("PutSecretValue of %d bytes: error %q, want %q", tc.length, got, tc.want)
			}
		})
	}
}

func TestBinaryValueComesBackAsItWas(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	_, err := w.PutSecretValue(t.Context(), &awssecrets.PutSecretValueInput{SecretId: new("app"), SecretBinary: []byte{0, 0xff}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: new("app")})
	if err != nil || string(out.SecretBinary) != "\x00\xff" || out.SecretString != nil {
		t.Errorf("GetSecretValue = %v, %v", out, err)
	}
}

// A put stores a value under a letter, with labels.
type put struct {
	letter string
	labels []string
}

func TestPutMovesLabels(t *testing.T) {
	for _, tc := range []struct {
		name string
		puts []put
		want string
	}{
		{"without labels the version becomes AWSCURRENT, and AWSPREVIOUS follows",
			[]put{{"b", nil}}, "a:AWSPREVIOUS b:AWSCURRENT"},
		{"AWSPREVIOUS is on one version only",
			[]put{{"b", nil}, {"c", nil}}, "b:AWSPREVIOUS c:AWSCURRENT"},
		{"with labels AWSCURRENT stays",
			[]put{{"b", []string{"AWSPENDING"}}}, "a:AWSCURRENT b:AWSPENDING"},
		{"a label leaves the version that had it",
			[]put{{"b", []string{"X", "Y"}}, {"c", []string{"X"}}}, "a:AWSCURRENT b:Y c:X"},
		{"AWSCURRENT among the labels moves as it does without",
			[]put{{"b", []string{"AWSCURRENT", "X"}}}, "a:AWSPREVIOUS b:AWSCURRENT+X"},
		{"a new AWSCURRENT takes AWSPENDING away from a version in the making",
			[]put{{"b", []string{"AWSPENDING", "X"}}, {"c", nil}}, "a:AWSPREVIOUS b:X c:AWSCURRENT"},
		{"a new AWSCURRENT keeps AWSPENDING if it is asked for",
			[]put{{"b", []string{"AWSPENDING"}}, {"c", []string{"AWSCURRENT", "AWSPENDING"}}}, "a:AWSPREVIOUS c:AWSCURRENT+AWSPENDING"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			for _, p := range tc.puts {
				if err := w.put(p.letter, "value of "+p.letter, p.labels...); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.labels(); got != tc.want {
				t.Errorf("labels %q, want %q", got, tc.want)
			}
		})
	}
}

func TestFirstValueIsAlwaysCurrent(t *testing.T) {
	w := newWorld(t)
	out, err := w.CreateSecret(t.Context(), &awssecrets.CreateSecretInput{Name: new("app")})
	if err != nil || out.VersionId != nil {
		t.Fatalf("CreateSecret without a value = %v, %v; want no version", out, err)
	}
	if _, err := w.get(""); code(err) != "ResourceNotFoundException" {
		t.Errorf("GetSecretValue without versions: %v", err)
	}
	if err := w.put("a", "one", "X"); err != nil {
		t.Fatal(err)
	}
	if got, want := w.labels(), "a:AWSCURRENT+X"; got != want {
		t.Errorf("labels %q, want %q", got, want)
	}
}

// A move of a label, which is a compare-and-swap. The secret has a:AWSPREVIOUS, b:AWSCURRENT and c:AWSPENDING.
func TestUpdateSecretVersionStage(t *testing.T) {
	const before = "a:AWSPREVIOUS b:AWSCURRENT c:AWSPENDING"
	for _, tc := range []struct {
		name            string
		label, from, to string
		want            string // error
		labels          string
	}{
		{"AWSCURRENT moves and AWSPREVIOUS follows", "AWSCURRENT", "b", "c", "", "b:AWSPREVIOUS c:AWSCURRENT+AWSPENDING"},
		{"AWSCURRENT moves back", "AWSCURRENT", "b", "a", "", "a:AWSCURRENT b:AWSPREVIOUS c:AWSPENDING"},
		{"the holder must be named", "AWSCURRENT", "", "c", "RemoveFromVersionId can't be empty", before},
		{"and be the holder", "AWSCURRENT", "a", "c", "isn't currently attached to version", before},
		{"a label that nobody has needs no holder", "X", "", "a", "", "a:AWSPREVIOUS+X b:AWSCURRENT c:AWSPENDING"},
		{"and has none", "X", "a", "b", "isn't currently attached to version", before},
		{"a label that is there already stays", "AWSPENDING", "", "c", "", before},
		{"a label is taken away", "AWSPENDING", "c", "", "", "a:AWSPREVIOUS b:AWSCURRENT"},
		{"but not from a version that does not have it", "AWSPENDING", "b", "", "isn't currently attached to version", before},
		{"AWSCURRENT cannot be taken away", "AWSCURRENT", "b", "", "can't be completely removed", before},
		{"a version must be there", "AWSCURRENT", "b", "z", "Not a valid version", before},
		{"one of both versions must be given", "AWSCURRENT", "", "", "must specify", before},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.create("one")
			if err := errors.Join(w.put("b", "two"), w.put("c", "three", "AWSPENDING")); err != nil {
				t.Fatal(err)
			}
			err := w.move(tc.label, tc.from, tc.to)
			if tc.want != "" {
				refused(t, err, "InvalidParameterException", tc.want)
			} else if err != nil {
				t.Error(err)
			}
			if got := w.labels(); got != tc.labels {
				t.Errorf("labels %q, want %q", got, tc.labels)
			}
		})
	}
}

func TestTwentyLabels(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	var labels []string
	for i := range 19 { // and AWSCURRENT
		labels = append(labels, "L"+string(rune('A'+i)))
	}
	if err := w.put("b", "two", labels...); err != nil {
		t.Fatal(err)
	}
	refused(t, w.put("c", "three", "ONE-TOO-MANY"), "LimitExceededException", "21 staging labels")
	refused(t, w.move("ONE-TOO-MANY", "", "a"), "LimitExceededException", "21 staging labels")
	if err := w.put("c", "three", labels[0]); err != nil {
		t.Errorf("PutSecretValue with a label that is there: %v", err)
	}
}

func TestReads(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	if err := w.put("b", "two", "X"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name              string
		id, label         *string
		value, code, text string
	}{
		{"AWSCURRENT if nothing is said", nil, nil, "one", "", ""},
		{"by label", nil, new("X"), "two", "", ""},
		{"by version", token("b"), nil, "two", "", ""},
		{"by both", token("b"), new("X"), "two", "", ""},
		{"by both that do not fit", token("a"), new("X"), "", "InvalidRequestException", "not associated to the provided VersionId"},
		{"a label that is not there", nil, new("AWSPREVIOUS"), "", "ResourceNotFoundException", "for staging label: AWSPREVIOUS"},
		{"a version that is not there", token("z"), nil, "", "ResourceNotFoundException", "for VersionId: zzzz"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: new("app"), VersionId: tc.id, VersionStage: tc.label})
			if tc.code != "" {
				refused(t, err, tc.code, tc.text)
			} else if err != nil || *out.SecretString != tc.value {
				t.Errorf("GetSecretValue = %v, %v; want %q", out, err, tc.value)
			}
		})
	}
}

// numbered puts n versions, each AWSCURRENT, under tokens that begin with letter.
func (w *world) numbered(letter string, n int) error {
	for i := range n {
		id := letter + strings.Repeat("0", 29) + string(rune('0'+i/10)) + string(rune('0'+i%10))
		_, err := w.PutSecretValue(w.t.Context(), &awssecrets.PutSecretValueInput{SecretId: new("app"), ClientRequestToken: &id, SecretString: &id})
		if err != nil {
			return err
		}
	}
	return nil
}

// A secret has 100 versions. Only versions without labels go, the oldest first, and none in its first day.
func TestVersionBudget(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	if err := errors.Join(w.move("KEEP", "", "a"), w.numbered("n", 99)); err != nil {
		t.Fatal(err)
	}
	refused(t, w.put("b", "two"), "LimitExceededException", "100 versions")
	refused(t, w.start("r"), "LimitExceededException", "100 versions")
	if got := len(w.versions()); got != 100 {
		t.Fatalf("%d versions, want 100", got)
	}

	w.clock.Advance(24 * time.Hour)
	if err := w.put("b", "two"); err != nil {
		t.Fatalf("PutSecretValue a day later: %v", err)
	}
	all := w.versions()
	if len(all) != 100 || !strings.HasPrefix(all, "an") || !strings.HasSuffix(all, "b") {
		t.Errorf("versions %s; want 100, the labelled first one among them", all)
	}
	_, err := w.GetSecretValue(t.Context(), &awssecrets.GetSecretValueInput{SecretId: new("app"), VersionId: new("n" + strings.Repeat("0", 31))})
	if code(err) != "ResourceNotFoundException" {
		t.Errorf("the oldest version without a label can still be read: %v", err)
	}
}

func TestListSecretVersionIds(t *testing.T) {
	w := newWorld(t)
	w.create("one")
	w.clock.Advance(time.Hour)
	if err := w.numbered("n", 4); err != nil {
		t.Fatal(err)
	}
	labelled, err := w.ListSecretVersionIds(t.Context(), &awssecrets.ListSecretVersionIdsInput{SecretId: new("app")})
	if err != nil || len(labelled.Versions) != 2 {
		t.Errorf("without deprecated versions: %v, %v; want AWSPREVIOUS and AWSCURRENT", labelled, err)
	}
	in := &awssecrets.ListSecretVersionIdsInput{SecretId: new("app"), IncludeDeprecated: new(true), MaxResults: new(int32(3))}
	first, err := w.ListSecretVersionIds(t.Context(), in)
	if err != nil || len(first.Versions) != 3 || first.NextToken == nil {
		t.Fatalf("first page %v, %v", first, err)
	}
	a, n := first.Versions[0], first.Versions[1]
	if age := n.CreatedDate.Sub(*a.CreatedDate); *a.VersionId != *token("a") || age < time.Hour || age > time.Hour+time.Minute {
		t.Errorf("the first versions are %s and %s, made %s apart; want a, and n an hour later", *a.VersionId, *n.VersionId, age)
	}
	in.NextToken = first.NextToken
	second, err := w.ListSecretVersionIds(t.Context(), in)
	if err != nil || len(second.Versions) != 2 || second.NextToken != nil {
		t.Errorf("second page %v, %v", second, err)
	}
	in.NextToken = new("nonsense")
	_, err = w.ListSecretVersionIds(t.Context(), in)
	refused(t, err, "InvalidNextTokenException", "")
}
