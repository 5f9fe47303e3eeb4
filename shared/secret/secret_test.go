package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluicehq/sluice/shared/secret"
)

const plain = "correct-horse-battery"

type holder struct {
	Public  secret.Value
	private secret.Value
	pointer *secret.Value
}

func TestValueIsNeverPrinted(t *testing.T) {
	v := secret.New(plain)
	positions := map[string]any{
		"bare": v, "pointer": &v, "struct": holder{v, v, &v}, "slice": []secret.Value{v},
		"map": map[string]secret.Value{"k": v}, "struct in slice": []holder{{v, v, &v}}, "any": []any{v},
	}
	for name, x := range positions {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%f", "% x"} {
				fmt.Fprintf(&out, verb+"\n", x)
			}
			if b, err := json.Marshal(x); err != nil {
				t.Fatalf("json.Marshal: %v", err)
			} else {
				out.Write(b)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", x)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", x)
			for _, leak := range []string{plain, hex.EncodeToString([]byte(plain))} {
				if strings.Contains(strings.ToLower(out.String()), leak) {
					t.Errorf("output shows the secret:\n%s", &out)
				}
			}
		})
	}
}

func TestReveal(t *testing.T) {
	var zero secret.Value
	for _, tc := range []struct {
		value secret.Value
		want  string
		empty bool
	}{{zero, "", true}, {secret.New(""), "", true}, {secret.New(plain), plain, false}} {
		if got := tc.value.Reveal(); got != tc.want || tc.value.IsZero() != tc.empty {
			t.Errorf("Reveal() = %q, IsZero() = %t; want %q, %t", got, tc.value.IsZero(), tc.want, tc.empty)
		}
	}
	if got := fmt.Sprint(zero); got != "[secret]" {
		t.Errorf("the zero value prints %q", got)
	}
}
