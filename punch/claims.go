package punch

// What peers say of their NATs may be wrong: measured behind another NAT, outdated, or a lie. Nothing depends on it but
// which technique is tried first. What it turns out to be is noted, for who reads the report.

// answered counts a SYN that was refused at the endpoint where the peer listens all the time: not by the peer, then.
func (a *attempt) answered(s shot, err error) {
	if refusal(err) && s.to == a.peer {
		a.count(func(t *tally) {
			if t.left == "" {
				t.answered++
			}
		})
	}
}

// contradicted notes where an attempt by a strategy went against what the peers have said of their NATs. Failed tells that
// it has had all its time.
func (a *attempt) contradicted(s Strategy, failed bool) {
	us, them := a.knowledge.sure()
	a.mu.Lock()
	answered, left := a.tally.answered, a.tally.left
	a.mu.Unlock()
	if them.Answer == Drop && answered > 0 {
		a.note("%s refused where the peer listens, though it says that its NAT drops what it does not let in: the NAT is "+
			"another one, or something on the way answers", counted(answered, "SYN"))
	}
	if !failed || left != "" || !us.Known() || !them.Known() {
		return
	}
	us, them = a.seen(us, them)
	if f := s.Forecast(us, them); f.Chance >= sure {
		a.note("by what is said of both NATs they connect, %s: one of them is not what it is said to be, or the network "+
			"loses packets", f.Reason)
	}
}
