// Package punch gets a TCP connection through between two peers that both stand behind NATs.
//
// Two peers that share a [Secret] call [Connect] with the same strategy at about the same time. A rendezvous server
// (package rendezvous) introduces them; then they try to reach each other directly, by what the [Strategy] says. Each
// proves to the other that it knows the secret, and only then is the connection handed out, as an ordinary [net.Conn].
// What was seen on the way is in the [Report], after a failure too.
//
// # Security
//
// The proof shows that somebody who knows the secret, and takes part in this very attempt, is at the far end of the
// path.
// It is bound to the two peers, not to the connection, and so does not exclude a middle: who passes the bytes of one
// peer on to the other passes the proofs on too, and may then read and change whatever follows. That can be anybody on
// the path; the server, which tells each peer where the other one is and may name a place of its own; and a stranger who
// is dialled by one peer by mistake and reaches the other one. Nor does the proof encrypt anything.
//
// Where that matters, run TLS on the connection, keyed or pinned by something that both peers know and the middle does
// not: a certificate of each that the other one pins, or keys that are derived from the secret.
//
// IPv4 only. On Windows the strategies work as far as its sockets share a port; no promise is made there.
package punch
