package capture

// HoldFetching leaves packets in their rings until the recording ends.
func (r *Recorder) HoldFetching() {
	close(r.stop)
	<-r.ended
	r.stop = nil
}

// HoldReading leaves events in their sockets until the recording ends.
func (r *Recorder) HoldReading() error {
	for _, n := range r.nats {
		if err := n.conn.SetReadDeadline(past); err != nil {
			return err
		}
		<-n.done
	}
	return nil
}

// PacketsPerBlock is how many packets a block holds.
const PacketsPerBlock = blockSize / frameSize
