package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// A test looks at the values of one member: none if it is missing, several if it is an array.
type test func(values []any) bool

// one makes a test that one value has to pass.
func one(pass func(value any) bool) test {
	return func(values []any) bool { return slices.ContainsFunc(values, pass) }
}

// parseTest reads one item of a pattern's array: a value to equal, or an object with one operator.
func parseTest(item any) (test, error) {
	switch item := item.(type) {
	case nil, bool, string, json.Number:
		return one(func(value any) bool { return value == item }), nil
	case map[string]any:
		if len(item) != 1 {
			return nil, fmt.Errorf("only one operator is allowed in an object, found %d", len(item))
		}
		for operator, operand := range item {
			parse, ok := operators()[operator]
			if !ok {
				known := slices.Sorted(maps.Keys(operators()))
				return nil, fmt.Errorf("unrecognized match type %s; known are %s", operator, strings.Join(known, ", "))
			}
			t, err := parse(operand)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", operator, err)
			}
			return t, nil
		}
	}
	return nil, errors.New("an array may hold values and operators, not other arrays")
}

// operators are what an object in an array may say, by the name it has in patterns.
func operators() map[string]func(operand any) (test, error) {
	return map[string]func(any) (test, error){
		"anything-but":       parseAnythingBut,
		"cidr":               parseCIDR,
		"equals-ignore-case": parseText(strings.EqualFold),
		"exists":             parseExists,
		"numeric":            parseNumeric,
		"prefix":             parseAffix(strings.HasPrefix, func(s string, n int) string { return s[:n] }),
		"suffix":             parseAffix(strings.HasSuffix, func(s string, n int) string { return s[len(s)-n:] }),
		"wildcard":           parseWildcard,
	}
}

// parseText makes an operator that compares a text of the event with the operand.
func parseText(compare func(value, operand string) bool) func(any) (test, error) {
	return func(operand any) (test, error) {
		text, ok := operand.(string)
		if !ok {
			return nil, errors.New("must be a string")
		}
		return one(func(value any) bool {
			s, ok := value.(string)
			return ok && compare(s, text)
		}), nil
	}
}

// parseAffix reads the operand of prefix and suffix: a text, or {"equals-ignore-case": text}. cut takes n bytes
// of the side in question.
func parseAffix(has func(s, affix string) bool, cut func(s string, n int) string) func(any) (test, error) {
	fold := func(value, affix string) bool {
		return len(value) >= len(affix) && strings.EqualFold(cut(value, len(affix)), affix)
	}
	return func(operand any) (test, error) {
		folded, ok := operand.(map[string]any)
		if !ok {
			return parseText(has)(operand)
		}
		text, ok := folded["equals-ignore-case"]
		if !ok || len(folded) != 1 {
			return nil, errors.New("must be a string or an object with equals-ignore-case")
		}
		return parseText(fold)(text)
	}
}

func parseExists(operand any) (test, error) {
	want, ok := operand.(bool)
	if !ok {
		return nil, errors.New("must be true or false")
	}
	return func(values []any) bool { return (len(values) > 0) == want }, nil
}

// parseAnythingBut reads a value, a list of values of one kind, or another operator; the test wants a value
// which does not pass. A missing member does not pass either.
func parseAnythingBut(operand any) (test, error) {
	var forbidden []test
	add := func(item any) error {
		t, err := parseTest(item)
		forbidden = append(forbidden, t)
		return err
	}
	switch operand := operand.(type) {
	case []any:
		if len(operand) == 0 {
			return nil, errors.New("empty arrays are not allowed")
		}
		for _, item := range operand {
			switch item.(type) {
			case string, json.Number:
			default:
				return nil, errors.New("a list may hold strings and numbers only")
			}
			if err := add(item); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if err := addNegated(operand, add); err != nil {
			return nil, err
		}
	case string, json.Number:
		if err := add(operand); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("must be a string, a number, a list of them, or an operator on text")
	}
	return one(func(value any) bool {
		alone := []any{value}
		return !slices.ContainsFunc(forbidden, func(t test) bool { return t(alone) })
	}), nil
}

// addNegated adds what anything-but forbids by an operator, whose operand may be one text or a list of them.
func addNegated(operand map[string]any, add func(any) error) error {
	for operator, texts := range operand {
		if !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, operator) || len(operand) != 1 {
			return errors.New("an object may hold one of prefix, suffix, equals-ignore-case, wildcard")
		}
		list, ok := texts.([]any)
		if !ok {
			list = []any{texts}
		}
		for _, text := range list {
			if err := add(map[string]any{operator: text}); err != nil {
				return err
			}
		}
	}
	if len(operand) == 0 {
		return errors.New("empty objects are not allowed")
	}
	return nil
}

// maxNumber bounds the numbers of the numeric operator, both ways (EventBridge User Guide, "Numeric matching").
const maxNumber = 5e9

var comparisons = map[string]func(value, limit float64) bool{
	"=":  func(v, l float64) bool { return v == l },
	"<":  func(v, l float64) bool { return v < l },
	"<=": func(v, l float64) bool { return v <= l },
	">":  func(v, l float64) bool { return v > l },
	">=": func(v, l float64) bool { return v >= l },
}

// parseNumeric reads one comparison, or a range of two: [">", 0, "<=", 5].
func parseNumeric(operand any) (test, error) {
	list, ok := operand.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return nil, errors.New("must be a list of one or two pairs of comparison and number")
	}
	var bounds []func(float64) bool
	for pair := range slices.Chunk(list, 2) {
		name, _ := pair[0].(string)
		compare, ok := comparisons[name]
		if !ok {
			return nil, fmt.Errorf("%v is not one of =, <, <=, >, >=", pair[0])
		}
		limit, ok := number(pair[1])
		if !ok || math.Abs(limit) > maxNumber {
			return nil, fmt.Errorf("%v is not a number between -5e9 and 5e9", pair[1])
		}
		bounds = append(bounds, func(value float64) bool { return compare(value, limit) })
	}
	if len(list) == 4 && !isRange(list[0].(string), list[2].(string)) {
		return nil, fmt.Errorf("%v and %v do not make a range", list[0], list[2])
	}
	return one(func(value any) bool {
		n, ok := number(value)
		return ok && !slices.ContainsFunc(bounds, func(holds func(float64) bool) bool { return !holds(n) })
	}), nil
}

// isRange reports whether the two comparisons are a lower bound and then an upper one.
func isRange(lower, upper string) bool {
	return strings.HasPrefix(lower, ">") && strings.HasPrefix(upper, "<")
}

func number(value any) (float64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

func parseCIDR(operand any) (test, error) {
	text, _ := operand.(string)
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, errors.New("must be a network such as 10.0.0.0/24")
	}
	return parseText(func(value, _ string) bool {
		address, err := netip.ParseAddr(value)
		return err == nil && network.Contains(address)
	})(text)
}
