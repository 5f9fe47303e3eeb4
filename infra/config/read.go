package config

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/sluicehq/sluice/shared/fault"
)

// Read reads the stage that the document at path configures. The error is [fault.Problems] when the document
// could be opened and is not right.
func Read(path string) (Stage, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Stage{}, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(text)
}

// Parse reads the stage that a document configures. Its error is a [fault.Problems] with all that is wrong, sorted
// by path.
func Parse(document []byte) (Stage, error) {
	s := defaults()
	unread := decode(document, &s)
	if len(unread) == 1 && unread[0].Where == wholeDocument {
		return Stage{}, unread // there is nothing to check
	}
	s.complete()
	problems := slices.Clone(unread)
	for _, p := range s.problems() {
		if !reported(unread, p.Where) {
			problems = append(problems, p)
		}
	}
	// CloudFormation is always among them: left out, it could neither change nor delete what it made.
	if deployer := s.cdkDeployer(); !slices.Contains(s.Deployers, deployer) {
		s.Deployers = append(s.Deployers, deployer)
	}
	slices.SortStableFunc(problems, func(a, b fault.Problem) int { return strings.Compare(a.Where, b.Where) })
	return s, problems.Err()
}

// reported says that a problem with where, or with what contains it, is among problems already: a list that was
// not read is not also empty.
func reported(problems fault.Problems, where string) bool {
	return slices.ContainsFunc(problems, func(p fault.Problem) bool {
		rest, below := strings.CutPrefix(where, p.Where)
		return below && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
