package rendezvous

import (
	"errors"
	"fmt"
)

// ErrPeerLeft is what waiting for a relay ends with when the peer does not want it any more.
var ErrPeerLeft = errors.New("the peer left")

// Code says why a server, or the protocol itself, refused.
type Code string

// The codes of version 1. A client must expect others.
const (
	CodeProtocol  Code = "protocol"  // not a message, a message out of turn, or a line that is too long
	CodeVersion   Code = "version"   // a version that is not spoken here
	CodeBusy      Code = "busy"      // two clients are in this meeting already
	CodeDuplicate Code = "duplicate" // this peer id is in this meeting already
	CodeFull      Code = "full"      // the server has as many connections as it takes
	CodeTimeout   Code = "timeout"   // no hello came, no peer came, or nothing came for too long
)

// Error is a refusal: one that the server sent, or one that this end would send.
type Error struct {
	Code    Code
	Message string // for people; what a server says is quoted wherever it is printed
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %q", e.Code, e.Message) }
