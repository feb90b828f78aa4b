package rendezvous

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAThirdClientIsRefused(t *testing.T) {
	at := serve(t, new(Server))
	a, b := pair(t, at)
	_, err := tryVisit(t, at, a.hello.Meeting)
	refusedAs(t, err, CodeBusy)
	if err := a.Bye(t.Context()); err != nil { // the two are not disturbed
		t.Fatal(err)
	}
	if how, err := departure(t.Context(), b); how != SaidBye || err != nil {
		t.Errorf("the peer left: %q, %v", how, err)
	}
}

func TestTheSamePeerTwiceIsRefused(t *testing.T) {
	at := serve(t, new(Server))
	a := visit(t, at, NewID())
	_, err := NewClient(dial(t, at)).Hello(t.Context(), a.hello)
	refusedAs(t, err, CodeDuplicate)
	introduced(t, a, visit(t, at, a.hello.Meeting)) // a is still waiting
}

func TestAClientThatTalksNonsense(t *testing.T) {
	at := serve(t, new(Server))
	for name, text := range map[string]string{
		"garbage":               "\x16\x03\x01\x02\x00\x01\n",
		"http":                  "GET / HTTP/1.1\r\nHost: punch\r\n\r\n",
		"a line without an end": strings.Repeat("x", 1<<20),
		"relay before hello":    `{"type":"relay"}` + "\n",
		"bye before hello":      `{"type":"bye"}` + "\n",
		"tell before hello":     `{"type":"tell","note":{}}` + "\n",
		"a very long type":      `{"type":"` + strings.Repeat("x", MaxLine-20) + `"}` + "\n", // the answer quotes it
		"a long type of quotes": `{"type":"` + strings.Repeat(`\"`, MaxLine/2-20) + `"}` + "\n",
		"a long unknown field":  `{"type":"bye","` + strings.Repeat("\xff", MaxLine-30) + `":0}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, at)
			go func() { _, _ = io.WriteString(conn, text) }() // the server need not take all of it
			refusedAs(t, errorLine(conn), CodeProtocol)
		})
	}
}

func TestMessagesOutOfTurn(t *testing.T) {
	at := serve(t, new(Server))
	t.Run("hello twice", func(t *testing.T) {
		g := visit(t, at, NewID())
		_, err := g.Hello(t.Context(), g.hello)
		refusedAs(t, err, CodeProtocol)
	})
	t.Run("relay before the introduction", func(t *testing.T) {
		_, err := visit(t, at, NewID()).Relay(t.Context())
		refusedAs(t, err, CodeProtocol)
	})
	t.Run("bytes before the relay is there", func(t *testing.T) {
		a, b := pair(t, at)
		if err := a.send(t.Context(), &bare{Type: typeRelay}); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(a.conn, "too early")
		refusedAs(t, errorLine(a.conn), CodeProtocol)
		if how, err := departure(t.Context(), b); how != Vanished || err != nil {
			t.Errorf("the peer left: %q, %v", how, err)
		}
	})
}

func TestSilence(t *testing.T) {
	at := serve(t, &Server{HelloTimeout: 20 * time.Millisecond, WaitTimeout: 20 * time.Millisecond})
	refusedAs(t, errorLine(dial(t, at)), CodeTimeout) // it says nothing
	conn := dial(t, at)
	_, _ = io.WriteString(conn, `{"type":"hel`) // it stops in the middle
	refusedAs(t, errorLine(conn), CodeTimeout)
	_, err := visit(t, at, NewID()).Introduction(t.Context()) // nobody comes
	refusedAs(t, err, CodeTimeout)
}

// The explanation is not lost to a reset, though the client has said hello to nobody.
func TestWhoIsTurnedAwayIsToldWhy(t *testing.T) {
	server := &Server{MaxClients: 2}
	at := serve(t, server)
	pair(t, at)
	conn := dial(t, at)
	_, _ = conn.Write(encode(&hello{Type: typeHello, Version: Version, Hello: someHello()}))
	said, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(said, []byte(CodeFull)) {
		t.Errorf("read %q, %v", said, err)
	}
}

// However many come, only so many are talked to.
func TestWhoIsFarTooManyIsToldNothing(t *testing.T) {
	server := &Server{MaxClients: 2}
	at := serve(t, server)
	pair(t, at)
	for range maxTurnedAway {
		slow, _ := net.Pipe() // stands for one that takes its time to read
		c := newClient(server, slow)
		if !server.register(c) {
			t.Fatal("no place to tell it")
		}
		defer server.dismiss(c)
	}
	conn, err := net.Dial("tcp4", at.String())
	if err != nil {
		return // the reset was faster
	}
	defer conn.Close()
	if said, _ := io.ReadAll(conn); len(said) > 0 {
		t.Errorf("read %q", said)
	}
}

func TestTooManyClients(t *testing.T) {
	server := &Server{MaxClients: 2}
	at := serve(t, server)
	a, b := pair(t, at)
	turnedAway := dial(t, at)
	refusedAs(t, errorLine(turnedAway), CodeFull)
	_ = turnedAway.Close()
	_ = a.Close()
	if _, err := departure(t.Context(), b); err != nil { // so the server has noticed
		t.Fatal(err)
	}
	for clients(server) > 1 && t.Context().Err() == nil { // and frees the place a moment later
		runtime.Gosched()
	}
	visit(t, at, NewID())
}

// clients is how many clients the server has, those that it turns away among them.
func clients(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// Clients of every kind of madness do not keep the server from serving others, and leave nothing behind.
func TestGarbageToALiveServer(t *testing.T) {
	server := new(Server)
	at := serve(t, server)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	good, _ := everyMessage()
	for i := range 200 {
		conn := dial(t, at)
		_, _ = conn.Write(garble(random, encode(good[random.IntN(len(good))])))
		if i%3 == 0 {
			_ = conn.SetLinger(0)
		}
		_ = conn.Close()
	}
	pair(t, at)
}

// garble damages a line here and there, and repeats it now and then.
func garble(random *rand.Rand, line []byte) []byte {
	line = bytes.Repeat(line, 1+random.IntN(3))
	for range random.IntN(8) {
		switch at := random.IntN(len(line)); random.IntN(3) {
		case 0:
			line[at] = byte(random.Uint32())
		case 1:
			line = append(line[:at], line[min(len(line), at+random.IntN(16)):]...)
		case 2:
			line = append(line[:at:at], append(fmt.Append(nil, random.Uint64()), line[at:]...)...)
		}
		if len(line) == 0 {
			return line
		}
	}
	return line
}
