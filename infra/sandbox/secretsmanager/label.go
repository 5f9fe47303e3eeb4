package secretsmanager

import "slices"

// The labels that Secrets Manager itself moves.
const (
	labelCurrent  = "AWSCURRENT"
	labelPending  = "AWSPENDING"
	labelPrevious = "AWSPREVIOUS"
)

const (
	maxLabels      = 20  // on all versions of a secret together
	maxLabelLength = 256 // characters
)

// holder is the version that has label; nil if none has.
func (r *record) holder(label string) *version {
	i := slices.IndexFunc(r.versions, func(v *version) bool { return slices.Contains(v.labels, label) })
	if i < 0 {
		return nil
	}
	return r.versions[i]
}

// labelled is the labels of v for an output; nil if there are none, which leaves the member out.
func (v *version) labelled() []string { return append([]string(nil), v.labels...) }

// unlabel takes label from whichever version has it.
func (r *record) unlabel(label string) {
	if v := r.holder(label); v != nil {
		v.labels = slices.DeleteFunc(v.labels, func(l string) bool { return l == label })
	}
}

// label puts label on v, and on v alone. AWSPREVIOUS goes where AWSCURRENT came from.
func (r *record) label(v *version, label string) {
	from := r.holder(label)
	if from == v {
		return
	}
	r.unlabel(label)
	v.labels = append(v.labels, label)
	slices.Sort(v.labels)
	if label == labelCurrent && from != nil {
		r.label(from, labelPrevious)
	}
}

// checkLabels refuses labels that are none, and a number of them that the secret cannot have.
func (r *record) checkLabels(labels []string) error {
	all := map[string]bool{}
	for _, v := range r.versions {
		for _, l := range v.labels {
			all[l] = true
		}
	}
	for _, l := range labels {
		if l == "" || len(l) > maxLabelLength {
			return invalidParameter("A staging label has between 1 and %d characters.", maxLabelLength)
		}
		all[l] = true
	}
	if len(all) > maxLabels {
		return limitExceeded("The secret %s would have %d staging labels; it can have %d.", r.name, len(all), maxLabels)
	}
	return nil
}

// A move is a change of one label: a compare-and-swap, and the only guard that Secrets Manager has against two
// writers. from must name the version that has the label now, unless none has or it is there already.
type move struct {
	label    string
	from, to *string
}

// move carries m out, or refuses it.
func (r *record) move(m move) error {
	if err := r.checkLabels([]string{m.label}); err != nil {
		return err
	}
	holder := r.holder(m.label)
	if m.from != nil && (holder == nil || holder.id != *m.from) {
		return invalidParameter("Staging label %s isn't currently attached to version %s.", m.label, *m.from)
	}
	if m.to == nil {
		return r.moveAway(m)
	}
	// A version that a rotation has reserved is no version before it has a value.
	to := r.version(*m.to)
	if to == nil || to.value.kind == absent {
		return invalidParameter("Not a valid version: %s", *m.to)
	}
	if holder != nil && holder != to && m.from == nil {
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, "+
			"so you must explicitly reference that version in RemoveFromVersionId.", m.label, holder.id)
	}
	r.label(to, m.label)
	return nil
}

func (r *record) moveAway(m move) error {
	if m.from == nil {
		return invalidParameter("You must specify MoveToVersionId, RemoveFromVersionId or both.")
	}
	if m.label == labelCurrent {
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	}
	r.unlabel(m.label)
	return nil
}
