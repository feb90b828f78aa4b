package rendezvous

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// ID names a meeting or a peer: 16 bytes, as 32 lower-case hexadecimal digits on the wire.
type ID [16]byte

// Nonce is what makes one attempt of a peer unlike every other: 32 random bytes, as 64 hexadecimal digits on the wire.
type Nonce [32]byte

// NewID returns a random ID.
func NewID() (id ID) {
	rand.Read(id[:]) // crypto/rand never fails: it ends the program instead
	return id
}

// NewNonce returns a random Nonce.
func NewNonce() (n Nonce) {
	rand.Read(n[:])
	return n
}

// String is the ID as it stands on the wire.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText writes the ID's hexadecimal digits.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads exactly 32 hexadecimal digits.
func (id *ID) UnmarshalText(text []byte) error { return decodeHex(id[:], text) }

// MarshalText writes the Nonce's hexadecimal digits.
func (n Nonce) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, n[:]), nil }

// UnmarshalText reads exactly 64 hexadecimal digits.
func (n *Nonce) UnmarshalText(text []byte) error { return decodeHex(n[:], text) }

func decodeHex(into, text []byte) error {
	if len(text) != hex.EncodedLen(len(into)) {
		return fmt.Errorf("%d hexadecimal digits where %d are needed", len(text), hex.EncodedLen(len(into)))
	}
	_, err := hex.Decode(into, text)
	return err
}
