package punch

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// MinSecret is how short a secret may be, in bytes: 128 bits cannot be guessed, neither by the server, which sees an id
// derived from the secret and could search for it, nor by a stranger.
const MinSecret = 16

// Secret is what two peers share, and what makes them find and trust each other. It has MinSecret random bytes or more;
// a password is not random. It never leaves the peer.
type Secret []byte

// NewSecret returns a fresh secret of 32 random bytes.
func NewSecret() Secret {
	s := make(Secret, 32)
	rand.Read(s) // crypto/rand never fails: it ends the program instead
	return s
}

func (s Secret) check() error {
	if len(s) < MinSecret {
		return fmt.Errorf("%w: %d bytes where at least %d are needed", ErrSecret, len(s), MinSecret)
	}
	return nil
}

// meeting is the id under which the rendezvous knows the two peers. It tells nothing about the secret or the proofs,
// as both are derived from it by a one-way function under different labels.
func (s Secret) meeting() (id rendezvous.ID) {
	copy(id[:], s.derive("punchlab v1 meeting"))
	return id
}

// proofKey is the key of the proofs.
func (s Secret) proofKey() []byte { return s.derive("punchlab v1 proof key") }

func (s Secret) derive(label string) []byte {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(label))
	return mac.Sum(nil)
}
