package template

import (
	"fmt"

	"github.com/sluicehq/sluice/shared/fault"
)

// present is the surrounding of a deployment: what was made so far.
type present struct {
	d  *Deployer
	at *deployed
}

func (p present) ref(logical string) (any, string) {
	if m := p.at.find(logical); m != nil {
		return m.id, ""
	}
	return nil, fmt.Sprintf("resource %q was not made", logical)
}

func (p present) attribute(logical, name string) (any, string) {
	m := p.at.find(logical)
	if m == nil {
		return nil, fmt.Sprintf("resource %q was not made", logical)
	}
	value, ok := m.attributes[name]
	if !ok {
		return nil, fmt.Sprintf("resource %q has no attribute %q", logical, name)
	}
	return value, ""
}

func (p present) imported(export string) (any, string) {
	for _, out := range p.d.Outputs() {
		if out.Export == export {
			return out.Value, ""
		}
	}
	return nil, fmt.Sprintf("no stack exports %q", export)
}

// output evaluates the outputs of a stack whose resources are there.
func (d *Deployer) output(at *deployed) error {
	e := &evaluator{stack: at.stack, region: d.config.Region, around: present{d, at}}
	var outputs []Output
	for _, name := range sorted(at.stack.document.Outputs) {
		is := at.stack.document.Outputs[name]
		if !e.holds("Outputs."+name+".Condition", is.Condition) {
			continue
		}
		out := Output{Stack: at.stack.Name, Name: name}
		var ok bool
		if out.Value, ok = text(e.value("Outputs."+name+".Value", is.Value)); !ok {
			e.problems = append(e.problems, fault.Problem{Where: at.stack.Name + "/Outputs." + name, What: "is not a string", Fix: "join lists"})
		}
		out.Export, _ = text(e.value("Outputs."+name+".Export", is.Export.Name))
		outputs = append(outputs, out)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at.outputs = outputs
	return e.problems.Err()
}

// Outputs lists the outputs of all stacks.
func (d *Deployer) Outputs() []Output {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Output
	for _, at := range d.stacks {
		all = append(all, at.outputs...)
	}
	return all
}
