// Package punch gets a TCP connection through between two peers that both stand behind NATs.
//
// Two peers that share a [Secret] call [Connect] with the same strategy at about the same time. A rendezvous server
// (package rendezvous) introduces them; then they try to reach each other directly, by what the [Strategy] says. Whoever
// is connected proves to the other that it knows the secret, and only then is the connection handed out, as an ordinary
// [net.Conn]. What was seen on the way is in the [Report], after a failure too.
//
// The proof tells who is at the other end when the connection begins. It neither encrypts nor protects what is sent
// afterwards: run TLS on the connection where that matters.
//
// IPv4 only. On Windows the strategies work as far as its sockets share a port; no promise is made there.
package punch
