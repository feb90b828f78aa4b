package report

import (
	"fmt"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/punchlab/punchlab/bench/results"
)

// technique is what the connected trials of a strategy that one technique won
// have in common.
type technique struct {
	strategy, via string
	times, rounds []float64 // until connected, in milliseconds and in round trips
	syns, packets []float64
}

// techniques sorts the connected trials of a run by the technique that won, in
// the order of the plan's strategies, the most frequent technique first.
func techniques(run results.Run) (all []*technique) {
	index := map[[2]string]*technique{}
	for _, t := range run.Trials {
		if t.Outcome != results.Connected {
			continue
		}
		key := [2]string{t.Strategy, t.Via}
		if index[key] == nil {
			index[key] = &technique{strategy: t.Strategy, via: t.Via}
			all = append(all, index[key])
		}
		index[key].add(t)
	}
	var order []string
	for _, g := range grids(run) {
		order = append(order, g.of.strategy)
	}
	slices.SortStableFunc(all, func(x, y *technique) int {
		if x.strategy != y.strategy {
			return slices.Index(order, x.strategy) - slices.Index(order, y.strategy)
		}
		return len(y.times) - len(x.times)
	})
	return all
}

// name is the strategy, and the technique where that is another one.
func (t *technique) name() string {
	if t.via == "" || t.via == t.strategy {
		return t.strategy
	}
	return t.strategy + " by " + t.via
}

func (t *technique) add(one results.Trial) {
	t.times = append(t.times, *one.ConnectMS)
	if rounds := one.Rounds(); rounds != nil {
		t.rounds = append(t.rounds, *rounds)
	}
	t.syns, t.packets = append(t.syns, float64(one.SYNs)), append(t.packets, float64(one.Packets))
}

// techniques writes what connecting took by each technique, if there is
// anything to compare.
func (p *page) techniques(run results.Run) {
	all := techniques(run)
	if len(all) < 2 {
		return
	}
	p.paragraph(p.paint.title("What a connection took, in the median"))
	p.text.WriteString("\n")
	t := newTable(layout{})
	t.AppendHeader(table.Row{"strategy", "trials", "ms", "R", "SYNs", "packets"})
	for _, one := range all {
		name := one.name()
		if p.width > 0 {
			name = text.WrapSoft(name, max(p.width-figuresWidth, nameWidth))
		}
		t.AppendRow(table.Row{
			name, len(one.times),
			figure(one.times, "%.0f"), figure(one.rounds, "%.1f"), figure(one.syns, "%.0f"), figure(one.packets, "%.0f"),
		})
	}
	var right []table.ColumnConfig
	for column := 2; column <= 6; column++ {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	p.text.WriteString(t.Render() + "\n\n")
	p.paragraph("R: round trips between the peers. SYNs: those towards the peer, of both. Packets: all that both hosts sent, those to the server too.")
	p.text.WriteString("\n")
}

// figuresWidth is what the columns of figures need.
const figuresWidth = 40

func figure(of []float64, format string) string {
	m := results.Median(of)
	if m == nil {
		return "–"
	}
	return fmt.Sprintf(format, *m)
}
