package verify

import (
	"cmp"
	"time"

	"github.com/punchlab/punchlab/natprofiles"
)

// lifetime watches sessions in a lab in which the timer of one state is short.
type lifetime struct {
	*prober
	*state
	// early is looked at while it must live, late and ports when they must be
	// gone: whether packets come in, and whether the ports are free. One random
	// port may be drawn again by chance.
	early, late *watched
	ports       [2]*watched
	// others are in states whose timers are long, and must outlive all.
	others []*watched
	// abandoned was reset by its remote endpoint, and both ends of parted have
	// said that they are done.
	abandoned, parted *session
	// listening and speaking are refreshed from outside and from inside.
	listening, speaking *watched
	// beat is when they were last.
	beat time.Time
}

// lifetimes makes the findings about the timer of one state, and, in a state in
// which both ends speak, about what refreshes it.
func (s *scene) lifetimes(st *state, hint natprofiles.Profile, found findings) error {
	l := &lifetime{prober: &prober{scene: s, protocol: st.of, hint: st.withShort(hint), translates: hint.Translate}, state: st}
	declared := transportOf(hint, st.of).Timeouts
	says, err := l.observe(st.timer(&declared).String(), found)
	return found.note(st.field, st.of, says, err)
}

// observe watches for as long as it takes. It returns the declared word where
// the timer is what it should be.
func (l *lifetime) observe(declared word, found findings) (word, error) {
	began, err := l.begin()
	if err != nil {
		return "", err
	}
	if err := l.beatUntil(began.Add(alive)); err != nil {
		return "", err
	}
	lives, err := l.comesIn(l.early)
	if err != nil {
		return "", err
	}
	if !lives {
		if err := punctual(l.early.since); err != nil {
			return "", err
		}
		return wordf("set to %v, it ends before %v", short, alive), nil
	}
	if err := l.beatUntil(began.Add(dead)); err != nil {
		return "", err
	}
	return l.end(declared, found)
}

// end makes the findings once the timer must have fired.
func (l *lifetime) end(declared word, found findings) (word, error) {
	in, err := l.comesIn(l.late)
	if err != nil {
		return "", err
	}
	kept := l.translates
	for _, w := range l.ports {
		if !kept {
			break
		}
		if kept, err = l.kept(w.session); err != nil {
			return "", err
		}
	}
	if in || kept {
		return wordf("set to %v, after %v packets come in: %t, and its port is kept: %t", short, dead, in, kept), nil
	}
	for _, o := range l.others {
		if lives, err := l.comesIn(o); err != nil || !lives {
			return wordf("%s ends instead", o.field), err
		}
	}
	if l.listening != nil {
		return declared, l.refresh(found)
	}
	return l.endings(declared)
}

// endings says whether other ways to end a session have the same timer: that
// both ends are done, and that an established session is reset from outside.
// Where such a RST is said to change nothing, the session must live on.
func (l *lifetime) endings(declared word) (word, error) {
	if l.parted != nil {
		in, err := l.send(l.data(*l.parted))
		if err != nil || in.delivered {
			return wordf("set to %v, after %v packets come in where both ends have sent a FIN", short, dead), err
		}
	}
	if l.abandoned != nil {
		in, err := l.send(l.data(*l.abandoned))
		if keeps := l.hint.TCP.AfterReset == natprofiles.Keep; err != nil || in.delivered != keeps {
			return wordf("%v after a RST from outside an established session lives: %t", dead, in.delivered), err
		}
	}
	return declared, nil
}

// begin opens all sessions and returns the time from which on the timer runs.
func (l *lifetime) begin() (time.Time, error) {
	var err error
	var mature []*watched
	watch := func(st *state) (w *watched) {
		if err == nil {
			w, err = l.watch(st)
			mature = append(mature, w)
		}
		return w
	}
	for _, st := range states {
		if st.of == l.of && st != l.state {
			l.others = append(l.others, watch(st))
		}
	}
	if l.refreshes() {
		l.listening, l.speaking = watch(l.state), watch(l.state)
	}
	l.early, l.late = watch(l.state), watch(l.state)
	l.ports[0], l.ports[1] = watch(l.state), watch(l.state)
	if err == nil {
		err = l.otherwise()
	}
	if err == nil && l.of == udp {
		err = l.mature(mature)
	}
	l.beat = time.Now()
	return l.beat, err
}

// otherwise opens sessions that end in other ways.
func (l *lifetime) otherwise() error {
	var s session
	var err error
	switch l.field {
	case closedField:
		s, err = l.prober.abandoned()
		l.abandoned = &s
	case closingField:
		s, err = l.prober.parted()
		l.parted = &s
	}
	return err
}

// mature exchanges datagrams once more in those sessions that are meant to be
// streams, when they are old enough, and opens the others anew.
func (l *lifetime) mature(all []*watched) error {
	if err := l.until(time.Now().Add(maturity)); err != nil {
		return err
	}
	for _, w := range all {
		since := time.Now()
		if w.field != streamField {
			fresh, err := l.watch(w.state)
			if err != nil {
				return err
			}
			*w = *fresh
			continue
		}
		if err := l.exchange(w.session); err != nil {
			return cmp.Or(punctual(w.since), err)
		}
		w.since = since
	}
	return nil
}

// Fields that are more than a timer.
const (
	establishedField = "timeouts.established"
	closingField     = "timeouts.closing"
	closedField      = "timeouts.closed"
	streamField      = "timeouts.stream"
)

// refreshes says whether the state is one in which either side may refresh.
func (l *lifetime) refreshes() bool {
	return l.field == establishedField || l.field == streamField
}

// beatUntil waits until a time. Meanwhile, where refreshing is watched, one
// session hears from outside and another one speaks to the outside.
func (l *lifetime) beatUntil(end time.Time) error {
	for l.listening != nil {
		if err := punctual(l.beat); err != nil {
			return err
		}
		l.beat = time.Now()
		if _, err := l.send(l.data(l.listening.session)); err != nil {
			return err
		}
		if _, err := l.send(l.speech(l.speaking.session)); err != nil {
			return err
		}
		next := time.Now().Add(beat)
		if !next.Before(end) {
			break
		}
		if err := l.until(next); err != nil {
			return err
		}
	}
	return l.until(end)
}

// refresh says whose packets keep a mapping alive.
func (l *lifetime) refresh(found findings) error {
	inside, err := l.comesIn(l.speaking)
	if err != nil {
		return err
	}
	outside, err := l.comesIn(l.listening)
	if err != nil {
		return err
	}
	says := wordf("by outbound packets: %t, by inbound ones: %t", inside, outside)
	switch {
	case inside && outside:
		says = word(natprofiles.RefreshBoth)
	case inside:
		says = word(natprofiles.RefreshOutbound)
	}
	found[key{"timeouts.refresh", l.of}] = says
	return nil
}
