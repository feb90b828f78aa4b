// Package rendezvous introduces two peers behind NATs to each other.
//
// Both open a TCP connection to a public [Server] and say hello with the same meeting id. The server tells each one the
// endpoint that it is seen from, and, when both are there, the other one's endpoint, identity and nonce. Both read that
// introduction at the same moment as well as the server can arrange it. From then on they do not need the server;
// one strategy, the relay, goes on using it. What else the two have to agree on they tell each other in notes, which
// pass through the server.
//
// A client that wants to learn how its NAT treats it probes instead of saying hello.
//
// # The wire
//
// One JSON object per line, at most [MaxLine] bytes with its newline. Every message names its type; unknown types and
// unknown fields are errors, and so are missing ones, but for locals and rtt_us (microseconds; zero or missing where
// the server cannot tell), endpoints and dial_port, notes, dial, ttl, from and why. A client speaks first.
//
//	client                                    server
//	{"type":"hello","version":1,"meeting":…,"peer":…,"nonce":…,"strategy":…,"locals":[…]}
//	                                          {"type":"welcome","observed":"203.0.113.7:4000",
//	                                              "endpoints":["203.0.113.1:3478",…],"dial_port":3480}
//	                                          {"type":"introduction","peer":{…},"rtt_us":40000}
//	{"type":"tell","note":{…}}                {"type":"told","note":{…}}     at the peer, and so on
//	{"type":"relay"}                          {"type":"relaying"}      then raw bytes both ways
//	{"type":"bye"}                            {"type":"peer-left","how":"bye"}
//	                                          {"type":"error","code":"busy","message":"…"}   and the server closes
//
// A note is a JSON object that the server does not look into. It may be told from the hello on and until the teller
// asks for the relay; the server holds it until the peer has been introduced, and then sends it in one piece with the
// introduction. To each client its welcome comes first, then its introduction, then its notes in the order of telling.
// A hello says how many notes follow it at once, and an introduction how many of the peer's are on their way: who waits
// for them waits for nothing else.
//
// The other kind of conversation goes like this, up to [MaxProbes] times, until the client closes or says bye:
//
//	{"type":"probe","version":1,"dial":["other-port","other-address"]}
//	                                          {"type":"mapped","observed":"203.0.113.7:4000","ttl":62}
//	                                          {"type":"dialled","which":"other-address",
//	                                              "from":"203.0.113.2:3480","outcome":"connected"}
//	                                          {"type":"dialled","which":"other-port","outcome":"impossible","why":"…"}
//
// Connections from one port to several of the server's endpoints, each with a probe, show how the client's NAT maps,
// as RFC 5780 (4.3) does for UDP; the TTL with which the SYN arrived bounds how many routers it passed. How the NAT
// filters only a connection from elsewhere shows (4.4): the server makes one if it is asked to. The client listens on
// the port that it probes from, or else takes its own host's RST for the NAT's.
//
// # What the server does to others
//
// A dial-back is one SYN, never repeated. It goes to the very address and port that the asking connection comes from
// and to nothing else. Whoever asks has completed TCP's handshake from there, so that nobody can have the server dial
// a third party with a forged source; the most that can be done is to point it at a port of one's own NAT that is
// one's own anyway. A connection that comes of it is reset at once. A connection may ask for 8; an address has a burst
// of 64 and then 8 per second, and all together have 1,000 per second. What goes beyond is refused as impossible.
//
// Notes go to the one client that has asked for the same meeting, [MaxTells] of [MaxNote] bytes from each.
//
// # Trust
//
// The meeting id is derived from the peers' secret, which the server never sees; the nonces let the peers prove
// to each other, on whatever connection they get, that they know the secret. A server cannot make such a proof, and so
// cannot bring two together who do not share a secret. But it can refuse or mislead its clients: one that introduces
// each to a place of its own, and passes the bytes of one on to the other, proofs and all, is in the middle, where it
// reads and changes what it likes. See package punch for what to do about that.
package rendezvous
