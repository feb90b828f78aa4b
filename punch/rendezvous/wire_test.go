package rendezvous

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var (
	someID    = ID{1, 2, 3}
	someNonce = Nonce{4, 5, 6}
	somewhere = netip.MustParseAddrPort("203.0.113.7:4000")
)

// everyMessage has one of each, with every field in use.
func everyMessage() (fromClient, fromServer []message) {
	there := []netip.AddrPort{netip.MustParseAddrPort("192.168.1.2:4000"), netip.MustParseAddrPort("[2001:db8::1]:4000")}
	return []message{
			&hello{Type: typeHello, Version: Version, Hello: Hello{
				Meeting: someID, Peer: ID{7}, Nonce: someNonce, Strategy: "simultaneous-open", Locals: there}},
			&noted{Type: typeTell, Note: json.RawMessage(`{"a":"<&>"}`)},
			&probe{Type: typeProbe, Version: Version, Dial: []Dial{OtherAddress, OtherPort}},
			&bare{Type: typeRelay},
			&bare{Type: typeBye},
		}, []message{
			&welcome{Type: typeWelcome, Welcome: Welcome{Observed: somewhere, Endpoints: there, DialPort: 3480}},
			&introduction{Type: typeIntroduction, Microseconds: 40_000, Peer: Peer{
				ID: someID, Nonce: someNonce, Observed: somewhere, Locals: there, Strategy: "direct"}},
			&noted{Type: typeTold, Note: json.RawMessage(`{"a":"<&>"}`)},
			&mapped{Type: typeMapped, Mapped: Mapped{Observed: somewhere, TTL: 62}},
			&dialled{Type: typeDialled, Dialled: Dialled{Which: OtherPort, From: there[0], Outcome: Silent}},
			&dialled{Type: typeDialled, Dialled: Dialled{Which: OtherAddress, Outcome: Impossible, Why: "no"}},
			&bare{Type: typeRelaying},
			&peerLeft{Type: typePeerLeft, How: Vanished},
			&failure{Type: typeError, Code: CodeBusy, Message: "two are here"},
		}
}

func TestMessagesSurviveTheWire(t *testing.T) {
	fromClient, fromServer := everyMessage()
	for _, way := range []struct {
		messages []message
		decode   func([]byte) (message, error)
	}{{fromClient, decodeFromClient}, {fromServer, decodeFromServer}} {
		for _, want := range way.messages {
			line := encode(want)
			got, err := way.decode(line)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %#v, %v", line, got, err)
			}
		}
	}
}

// The text of a message is what other programs rely on.
func TestHelloOnTheWire(t *testing.T) {
	got := string(encode(&hello{Type: typeHello, Version: Version, Hello: Hello{
		Meeting: ID{0xab}, Peer: ID{0xcd}, Nonce: Nonce{0xef}, Strategy: "direct", Locals: []netip.AddrPort{somewhere}}}))
	want := `{"type":"hello","version":1,"meeting":"ab000000000000000000000000000000",` +
		`"peer":"cd000000000000000000000000000000",` +
		`"nonce":"ef00000000000000000000000000000000000000000000000000000000000000",` +
		`"strategy":"direct","locals":["203.0.113.7:4000"]}` + "\n"
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestTheLongestMessageFitsALine(t *testing.T) {
	longest := netip.MustParseAddrPort("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
	locals := make([]netip.AddrPort, MaxLocals)
	for i := range locals {
		locals[i] = longest
	}
	method := strings.Repeat("x", maxName)
	for _, m := range []message{
		&hello{Type: typeHello, Version: Version, Hello: Hello{
			Meeting: someID, Peer: someID, Nonce: someNonce, Strategy: method, Locals: locals}},
		&introduction{Type: typeIntroduction, Microseconds: maxRoundTrip.Microseconds(), Peer: Peer{
			ID: someID, Nonce: someNonce, Observed: longest, Locals: locals, Strategy: method}},
	} {
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
		if n := len(encode(m)); n > 1500 {
			t.Errorf("a %s may take %d bytes", m.kind(), n)
		}
	}
}

// hellosWith returns a valid hello in which one piece of text is replaced.
func hellosWith(piece, instead string) string {
	fromClient, _ := everyMessage()
	line := string(encode(fromClient[0]))
	if !strings.Contains(line, piece) {
		panic("no " + piece + " in " + line)
	}
	return strings.Replace(line, piece, instead, 1)
}

func TestRefusedLines(t *testing.T) {
	for _, c := range []struct {
		name, line string
		code       Code
		says       string
	}{
		{"nothing", "", CodeProtocol, "not a message"},
		{"another protocol", "GET / HTTP/1.1\r", CodeProtocol, "not a message"},
		{"an array", "[]", CodeProtocol, "not a message"},
		{"null", "null", CodeProtocol, `type ""`},
		{"two objects", `{"type":"relay"}{"type":"relay"}`, CodeProtocol, "not a message"},
		{"an unknown type", `{"type":"dance"}`, CodeProtocol, `"dance" is not expected`},
		{"a server's type", `{"type":"welcome","observed":"203.0.113.7:1"}`, CodeProtocol, `"welcome" is not expected`},
		{"an unknown field", `{"type":"bye","why":"bored"}`, CodeProtocol, `unknown field "why"`},
		{"another version", hellosWith(`"version":1`, `"version":2`), CodeVersion, "version 2 is not spoken here, only version 1"},
		{"another version with new fields", `{"type":"hello","version":3,"colour":"red"}`, CodeVersion, "version 3"},
		{"no version", hellosWith(`"version":1,`, ``), CodeVersion, "version 0"},
		{"a short id", hellosWith(someID.String(), "0102"), CodeProtocol, "32 are needed"},
		{"an id that is no number", hellosWith(someID.String(), strings.Repeat("g", 32)), CodeProtocol, "invalid byte"},
		{"no meeting", hellosWith(`"meeting":"`+someID.String()+`",`, ""), CodeProtocol, "meeting: missing"},
		{"no peer", hellosWith(`"peer":"`+ID{7}.String()+`",`, ""), CodeProtocol, "peer: missing"},
		{"no nonce", hellosWith(`"nonce"`, `"Nonce":"`+strings.Repeat("0", 64)+`","nonce"`), "", ""},
		{"a strategy that is no name", hellosWith("simultaneous-open", "Open Sesame"), CodeProtocol, "strategy:"},
		{"a local without a port", hellosWith("192.168.1.2:4000", "192.168.1.2:0"), CodeProtocol, "locals[0]:"},
		{"a local with a zone", hellosWith("[2001:db8::1]", "[fe80::1%eth0]"), CodeProtocol, "locals[1]:"},
		{"a local that is a host name", hellosWith("192.168.1.2", "example.org"), CodeProtocol, "hello:"},
		{"too many locals", hellosWith(`["`, `["192.168.1.2:1"`+strings.Repeat(`,"192.168.1.2:1"`, MaxLocals)+`,"`),
			CodeProtocol, "at most 16"},
		{"no note", `{"type":"tell"}`, CodeProtocol, "note: missing"},
		{"a note that is null", `{"type":"tell","note":null}`, CodeProtocol, "not a JSON object"},
		{"a note that is a string", `{"type":"tell","note":"hi"}`, CodeProtocol, "not a JSON object"},
		{"a note that is an array", `{"type":"tell","note":[{}]}`, CodeProtocol, "not a JSON object"},
		{"the longest note", `{"type":"tell","note":` + noteOf(MaxNote) + `}`, "", ""},
		{"a longer note", `{"type":"tell","note":` + noteOf(MaxNote+1) + `}`, CodeProtocol, "at most 2048"},
		{"a note that spaces make longer", `{"type":"tell","note":{` + strings.Repeat(" ", MaxNote) + `}}`,
			CodeProtocol, "at most 2048"},
		{"a note with company", `{"type":"tell","note":{},"to":"bob"}`, CodeProtocol, `unknown field "to"`},
		{"a server's note", `{"type":"told","note":{}}`, CodeProtocol, `"told" is not expected`},
		{"a probe without dials", `{"type":"probe","version":1}`, "", ""},
		{"a probe of another version", `{"type":"probe","version":2,"colour":"red"}`, CodeVersion, "version 2"},
		{"a probe of no version", `{"type":"probe"}`, CodeVersion, "version 0"},
		{"a dial to elsewhere", `{"type":"probe","version":1,"dial":["198.51.100.1:80"]}`, CodeProtocol,
			`dial[0]: "198.51.100.1:80" is not one of other-port, other-address`},
		{"a dial twice", `{"type":"probe","version":1,"dial":["other-port","other-port"]}`, CodeProtocol, "twice"},
		{"three dials", `{"type":"probe","version":1,"dial":["other-port","other-address","other-port"]}`,
			CodeProtocol, "twice"},
	} {
		t.Run(c.name, func(t *testing.T) { checkRefused(t, decodeFromClient, c.line, c.code, c.says) })
	}
}

// noteOf is a note of that length.
func noteOf(length int) string { return `{"":"` + strings.Repeat("x", length-len(`{"":""}`)) + `"}` }

// dialledWith returns a valid answer in which one piece of text is replaced.
func dialledWith(piece, instead string) string {
	line := `{"type":"dialled","which":"other-port","from":"203.0.113.2:1","outcome":"reset"}`
	if !strings.Contains(line, piece) {
		panic("no " + piece + " in " + line)
	}
	return strings.Replace(line, piece, instead, 1)
}

func TestRefusedLinesOfAServer(t *testing.T) {
	peer := `"peer":{"id":"` + someID.String() + `","nonce":"` + strings.Repeat("01", 32) +
		`","observed":"203.0.113.7:1","strategy":"direct"}`
	for _, c := range []struct{ name, line, says string }{
		{"a welcome from nowhere", `{"type":"welcome"}`, "observed:"},
		{"a welcome to port 0", `{"type":"welcome","observed":"203.0.113.7:0"}`, "observed:"},
		{"an unspecified address", `{"type":"welcome","observed":"0.0.0.0:1"}`, "observed:"},
		{"an introduction to nobody", `{"type":"introduction","rtt_us":1}`, "peer.id: missing"},
		{"a negative round trip", `{"type":"introduction",` + peer + `,"rtt_us":-1}`, "rtt_us:"},
		{"an absurd round trip", `{"type":"introduction",` + peer + `,"rtt_us":60000001}`, "rtt_us:"},
		{"an odd departure", `{"type":"peer-left","how":"dancing"}`, "not one of bye, vanished"},
		{"an error without a code", `{"type":"error","message":"no"}`, "code:"},
		{"a client's type", `{"type":"relay"}`, `"relay" is not expected`},
		{"too many endpoints", `{"type":"welcome","observed":"203.0.113.7:1","endpoints":["203.0.113.1:1"` +
			strings.Repeat(`,"203.0.113.1:1"`, MaxEndpoints) + `]}`, "endpoints: 9 addresses"},
		{"an endpoint without a port", `{"type":"welcome","observed":"203.0.113.7:1","endpoints":["203.0.113.1:0"]}`,
			"endpoints[0]:"},
		{"an absurd dial port", `{"type":"welcome","observed":"203.0.113.7:1","dial_port":65536}`, "dial_port"},
		{"mapped to nowhere", `{"type":"mapped","ttl":1}`, "observed:"},
		{"an absurd TTL", `{"type":"mapped","observed":"203.0.113.7:1","ttl":256}`, "ttl: 256"},
		{"dialled in another way", dialledWith(`"other-port"`, `"same-port"`), `"same-port" is not one of`},
		{"dialled from nowhere", dialledWith(`"from":"203.0.113.2:1",`, ""), "from:"},
		{"an odd outcome", dialledWith(`"reset"`, `"tired"`), "one of connected, reset, unreachable, silent, impossible"},
		{"impossible for no reason", dialledWith(`"reset"`, `"impossible"`), "why: missing"},
		{"a reason for what happened", dialledWith(`"reset"`, `"reset","why":"because"`), "why: not expected"},
		{"a long reason", dialledWith(`"reset"`, `"impossible","why":"`+strings.Repeat("x", maxWhy+1)+`"`), "at most 256"},
	} {
		t.Run(c.name, func(t *testing.T) { checkRefused(t, decodeFromServer, c.line, CodeProtocol, c.says) })
	}
	if _, err := decodeFromServer([]byte(`{"type":"introduction",` + peer + `,"rtt_us":60000000}`)); err != nil {
		t.Errorf("the introduction that the others vary is refused: %v", err)
	}
	if _, err := decodeFromServer([]byte(dialledWith("", ""))); err != nil {
		t.Errorf("the answer that the others vary is refused: %v", err)
	}
}

// checkRefused wants an error of that code that says that; no code means that the line is fine.
func checkRefused(t *testing.T, decode func([]byte) (message, error), line string, code Code, says string) {
	t.Helper()
	m, err := decode([]byte(line))
	var refused *Error
	switch {
	case code == "" && err != nil:
		t.Errorf("%s is refused: %v", line, err)
	case code == "":
	case !errors.As(err, &refused):
		t.Errorf("%s: got %#v, %v", line, m, err)
	case refused.Code != code || !strings.Contains(refused.Message, says):
		t.Errorf("%s: got %v, want %s and %q", line, err, code, says)
	}
}

func TestReadLine(t *testing.T) {
	full := strings.Repeat("x", MaxLine-1)
	r := bufio.NewReaderSize(strings.NewReader("one\n"+full+"\n\nhalf"), MaxLine)
	for _, want := range []string{"one", full, ""} {
		if got, err := readLine(r); err != nil || string(got) != want {
			t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(want))
		}
	}
	if _, err := readLine(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line: %v", err)
	}
	r = bufio.NewReaderSize(strings.NewReader(full+"xx\n"), MaxLine)
	var refused *Error
	if _, err := readLine(r); !errors.As(err, &refused) || refused.Code != CodeProtocol {
		t.Errorf("a line that is one byte too long: %v", err)
	}
	if _, err := readLine(bufio.NewReaderSize(strings.NewReader(""), MaxLine)); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
}

func FuzzDecodeFromClient(f *testing.F) {
	fromClient, _ := everyMessage()
	fuzz(f, fromClient, decodeFromClient)
}

func FuzzDecodeFromServer(f *testing.F) {
	_, fromServer := everyMessage()
	fuzz(f, fromServer, decodeFromServer)
}

// fuzz wants every line refused as a protocol error or understood; what is understood is valid and, written and read
// again, the same.
func fuzz(f *testing.F, seeds []message, decode func([]byte) (message, error)) {
	for _, m := range seeds {
		f.Add(bytes.TrimSuffix(encode(m), []byte("\n")))
	}
	f.Add([]byte(`{"type":"hello","version":2}`))
	f.Add([]byte(`{"type":"bye","type":"relay"}`))
	f.Add([]byte("{\"type\":\"error\",\"code\":\"x\",\"message\":\"\xff\\u0000\"}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) >= MaxLine || bytes.ContainsRune(line, '\n') {
			return // readLine does not let it through
		}
		m, err := decode(line)
		if err != nil {
			var refused *Error
			if !errors.As(err, &refused) {
				t.Fatalf("%q: not a protocol error: %v", line, err)
			}
			return
		}
		if failure, ok := m.(*failure); ok && len(failure.Message) > MaxLine/8 {
			return // escapes may make it longer than a line; a server of ours never writes it
		}
		again, err := decode(encode(m))
		if err != nil || !bytes.Equal(encode(again), encode(m)) {
			t.Fatalf("%q: %#v became %#v, %v", line, m, again, err)
		}
	})
}

func TestHeadStart(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct{ far, near, want time.Duration }{
		{20 * ms, 20 * ms, 0},
		{100 * ms, 20 * ms, 40 * ms},
		{21*ms - 1, 20 * ms, 0},
		{21 * ms, 20 * ms, ms / 2},
		{20 * ms, 0, 0},
		{0, 0, 0},
		{10 * time.Second, ms, maxHeadStart},
	} {
		if got := headStart(c.far, c.near); got != c.want {
			t.Errorf("headStart(%s, %s) = %s, want %s", c.far, c.near, got, c.want)
		}
	}
}
