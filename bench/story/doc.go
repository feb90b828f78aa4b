// Package story makes a trial explain itself. Packets seen on every leg of a lab, the entries of its NATs' connection
// tracking and what the engines tell go in; out come the journey of each packet, a ladder of all that matters, and one
// sentence with the cause.
//
// [Tell] does it in three steps. It joins what was seen of one packet on its way, by what NATs leave as it is, to a
// [Journey]. It finds how each journey ended and what answered it. And it asks of every SYN between the peers how close
// it came and what ended it: the cause of a failure is what ended the one that came closest, see [Cause].
//
// The package imports nothing but the standard library and knows nothing of labs: a [Recording] is plain data, and the
// same recording always makes the same story. Nothing in it may be used by several goroutines while one changes it;
// a [Story] does not change.
package story
