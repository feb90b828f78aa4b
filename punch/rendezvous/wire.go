package rendezvous

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// Version is the protocol's version. A server refuses every other one by name.
	Version = 1
	// MaxLine is the longest line of the protocol in bytes, its newline included. The longest that a peer of ours
	// sends, but for notes (MaxNote), is below 1,500.
	MaxLine = 4096
)

// encode writes m as one line. Nothing is escaped that JSON does not want escaped: a note passes as it was told, and
// becomes no longer.
func encode(m message) []byte {
	var line bytes.Buffer
	e := json.NewEncoder(&line) // ends the line
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil || line.Len() > MaxLine {
		panic(fmt.Sprintf("rendezvous: a %s of ours does not fit the protocol: %d bytes, %v", m.kind(), line.Len(), err))
	}
	return line.Bytes()
}

// decodeFromClient reads a line that a client may send.
func decodeFromClient(line []byte) (message, error) {
	return decode(line, func(kind string) message {
		switch kind {
		case typeHello:
			return new(hello)
		case typeTell:
			return new(noted)
		case typeProbe:
			return new(probe)
		case typeRelay, typeBye:
			return new(bare)
		}
		return nil
	})
}

// decodeFromServer reads a line that a server may send.
func decodeFromServer(line []byte) (message, error) {
	return decode(line, func(kind string) message {
		switch kind {
		case typeWelcome:
			return new(welcome)
		case typeIntroduction:
			return new(introduction)
		case typeTold:
			return new(noted)
		case typeRelaying:
			return new(bare)
		case typePeerLeft:
			return new(peerLeft)
		case typeMapped:
			return new(mapped)
		case typeDialled:
			return new(dialled)
		case typeError:
			return new(failure)
		}
		return nil
	})
}

// decode looks at type and version first and leniently, so that a first line of another version is refused for its
// version, not for the fields that version may have brought.
func decode(line []byte, blank func(kind string) message) (message, error) {
	var head struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, &Error{CodeProtocol, "not a message: " + err.Error()}
	}
	m := blank(head.Type)
	if m == nil {
		return nil, &Error{CodeProtocol, fmt.Sprintf("a message of type %q is not expected", head.Type)}
	}
	if (head.Type == typeHello || head.Type == typeProbe) && head.Version != Version {
		return nil, &Error{CodeVersion, fmt.Sprintf("version %d is not spoken here, only version %d", head.Version, Version)}
	}
	strict := json.NewDecoder(bytes.NewReader(line))
	strict.DisallowUnknownFields()
	if err := errors.Join(strict.Decode(m), m.check()); err != nil {
		return nil, &Error{CodeProtocol, head.Type + ": " + err.Error()}
	}
	return m, nil
}

// readLine returns the next line without its newline. It is valid until the next read; r's buffer is MaxLine long.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, &Error{CodeProtocol, fmt.Sprintf("a line is longer than %d bytes", MaxLine)}
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}
