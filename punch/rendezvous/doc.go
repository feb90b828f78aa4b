// Package rendezvous introduces two peers behind NATs to each other.
//
// Both open a TCP connection to a public [Server] and say hello with the same meeting id. The server tells each one the
// endpoint that it is seen from, and, when both are there, the other one's endpoint, identity and nonce. Both read that
// introduction at the same moment as well as the server can arrange it. From then on they do not need the server;
// one strategy, the relay, goes on using it.
//
// # The wire
//
// One JSON object per line, at most [MaxLine] bytes with its newline. Every message names its type; unknown types and
// unknown fields are errors, and so are missing ones, but for locals and rtt_us (microseconds; zero or missing where
// the server cannot tell). A client speaks first.
//
//	client                                    server
//	{"type":"hello","version":1,"meeting":…,"peer":…,"nonce":…,"strategy":…,"locals":[…]}
//	                                          {"type":"welcome","observed":"203.0.113.7:4000"}
//	                                          {"type":"introduction","peer":{…},"rtt_us":40000}
//	{"type":"relay"}                          {"type":"relaying"}      then raw bytes both ways
//	{"type":"bye"}                            {"type":"peer-left","how":"bye"}
//	                                          {"type":"error","code":"busy","message":"…"}   and the server closes
//
// The meeting id is derived from the peers' secret, which the server never sees; the nonces let the peers prove
// to each other, on whatever connection they get, that they know the secret. A server cannot make such a proof, and so
// cannot bring two together who do not share a secret. But it can refuse or mislead its clients: one that introduces
// each to a place of its own, and passes the bytes of one on to the other, proofs and all, is in the middle, where it
// reads and changes what it likes. See package punch for what to do about that.
package rendezvous
