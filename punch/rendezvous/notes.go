package rendezvous

import (
	"encoding/json"
	"fmt"
)

// Limits of notes. What two peers have to agree on in an attempt is a handful of short notes; the rest is room.
const (
	// MaxNote is the longest note in bytes, as it is sent: with it a line stays well below MaxLine.
	MaxNote = 2048
	// MaxHeld is how many notes a client may tell before the introduction. They take the server's memory.
	MaxHeld = 4
	// MaxTells is how many notes a client may tell in one meeting: a server is no relay for those who asked for none.
	MaxTells = 256
)

// pass forwards a note to the other client, or holds it until that one is introduced. What is told to one that has left
// is dropped. An error means that c has told too much.
func (m *meeting) pass(c *client, note json.RawMessage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c.tells++
	other := m.other(c) // nil until both are there
	switch {
	case c.tells > MaxTells:
		return &Error{CodeProtocol, fmt.Sprintf("more than %d notes", MaxTells)}
	case other != nil && other.left != "":
	case other != nil && other.told:
		_ = other.write(told(note)) // other's own goroutine notices a broken connection
	case !c.told && len(c.held) == MaxHeld:
		return &Error{CodeProtocol, fmt.Sprintf("more than %d notes before the introduction", MaxHeld)}
	default:
		c.held = append(c.held, note) // once c is introduced, no longer than the other's introduction is held back
	}
	return nil
}

func told(note json.RawMessage) message { return &noted{Type: typeTold, Note: note} }
