package capture

// shelf keeps copies of small pieces of memory, many in one allocation.
type shelf struct{ free []byte }

// shelfSize is how much room is made at once. No piece is larger.
const shelfSize = 64 << 10

// keep copies b to where it stays.
func (s *shelf) keep(b []byte) []byte {
	if len(s.free) < len(b) {
		s.free = make([]byte, shelfSize)
	}
	n := copy(s.free, b)
	kept := s.free[:n:n]
	s.free = s.free[n:]
	return kept
}
