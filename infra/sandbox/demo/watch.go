package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicehq/sluice/infra/sandbox/awshttp"
)

// How a [watch] looks at the world.
const (
	stride   = time.Second           // by which the sandbox's clock moves
	glance   = 20 * time.Millisecond // between two looks, in real time
	patience = 30 * time.Minute      // on the sandbox's clock, until a step has to be seen
)

// A sight is one step of a federation as somebody sees it who looks at the world from outside. Steps are taken in order.
type sight struct {
	step string
	// seen says what there is to see, or "" while the step has not been taken. What was seen once stays so.
	seen func(ctx context.Context) (string, error)
}

// A watch shows the steps of a federation as they pass by.
type watch struct {
	*demo
	began time.Time // on the sandbox's clock
	real  time.Time
	last  uint64 // call before it began
	lines int    // of the log of provision that were there before
}

// watching begins to watch.
func (d *demo) watching() *watch {
	return &watch{d, d.world.Clock.Now(), time.Now(), d.world.AWS.Calls().Last(), len(d.world.Lambda.Logs(d.provision))}
}

// until lets time go by, second by second, until all sights were seen.
func (w *watch) until(ctx context.Context, sights ...sight) error {
	for {
		moved := make(chan error, 1)
		go func() {
			_, err := w.control.Advance(ctx, stride)
			moved <- err
		}()
		for done := false; !done; {
			select {
			case err := <-moved:
				if err != nil {
					return err
				}
				done = true
			case <-time.After(glance):
			}
			var err error
			if sights, err = w.look(ctx, sights); err != nil {
				return err
			}
		}
		if len(sights) == 0 {
			return nil
		}
		if w.world.Clock.Now().Sub(w.began) > patience {
			return fmt.Errorf("%s pass on the sandbox's clock, and the step %q is not seen", patience, sights[0].step)
		}
	}
}

// look shows the sights that have come and what the work waits for, and returns the sights that have not come.
func (w *watch) look(ctx context.Context, sights []sight) ([]sight, error) {
	log := w.world.Lambda.Logs(w.provision) // before the sights, since a wait comes after what led to it
	for len(sights) > 0 {
		text, err := sights[0].seen(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for step %q: %w", sights[0].step, err)
		}
		if text == "" {
			break
		}
		w.show(sights[0].step, text)
		sights = sights[1:]
	}
	for _, line := range log[min(w.lines, len(log)):] {
		w.pause(line)
	}
	w.lines = max(w.lines, len(log))
	return sights, nil
}

// pause shows a line of the log if it says that the work goes on later.
func (w *watch) pause(line string) {
	var entry struct {
		Message, Reason, Err string
		Seconds              int
	}
	if json.Unmarshal([]byte(line), &entry) != nil {
		return // Lambda's own line
	}
	switch entry.Message {
	case "federation waits":
		w.show("", fmt.Sprintf("waits for %d s: %s", entry.Seconds, entry.Reason))
	case "step failed, to be tried again", "federation blocked":
		w.show("", entry.Message+": "+oneLine(entry.Err))
	}
}

// show tells of a step, with the time on the sandbox's clock since the watch began.
func (w *watch) show(step, text string) {
	passed := w.world.Clock.Now().Sub(w.began).Truncate(time.Second)
	w.say("%3d:%02d  %-11s  %s", int(passed.Minutes()), int(passed.Seconds())%60, step, text)
}

// took is how long the watch has lasted, on both clocks.
func (w *watch) took() string {
	return fmt.Sprintf("%s on the sandbox's clock, %.1f s in real time", w.world.Clock.Now().Sub(w.began).Round(time.Second), time.Since(w.real).Seconds())
}

// called is a sight of a call that provision made and that succeeded. text is what there is to say of the resource that the
// call was about, given by its ARN.
func (w *watch) called(step, service, operation string, text func(arn string) string) sight {
	return sight{step, func(context.Context) (string, error) {
		for _, c := range w.world.AWS.Calls().List(awshttp.Filter{After: w.last, Service: service, Operation: operation}) {
			if c.Code == "" && len(c.Accesses) > 0 && strings.HasSuffix(c.Principal, "/"+w.provision) {
				return text(c.Accesses[0].Resource), nil
			}
		}
		return "", nil
	}}
}

// announces is a sight of an event that Sluice puts on its bus about the federation.
func (w *watch) announces(ctx context.Context, step, detailType string) (sight, error) {
	before, err := w.announced(ctx, detailType, w.wanted.Name)
	return sight{step, func(ctx context.Context) (string, error) {
		now, err := w.announced(ctx, detailType, w.wanted.Name)
		if err != nil || len(now) == len(before) {
			return "", err
		}
		return fmt.Sprintf("%q is on the bus", detailType), nil
	}}, err
}

// oneLine is a message of several lines as one, without the rules that Redshift draws around it.
func oneLine(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' })
	kept := slices.DeleteFunc(words, func(w string) bool { return strings.Trim(w, "-") == "" })
	return strings.Join(kept, " ")
}

// firstLine is the beginning of a message.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
