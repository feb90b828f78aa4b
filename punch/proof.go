package punch

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/punchlab/punchlab/punch/rendezvous"
)

// proofMagic opens every proof. Its first byte belongs to no text protocol, so that whatever listens on a port that was
// reached by mistake takes the proof for garbage.
const proofMagic = "\xffpunch1\n"

const proofSize = len(proofMagic) + sha256.Size

// errProof is what a connection dies of on which nobody proves to know the secret.
var errProof = errors.New("the other end did not prove that it knows the secret")

// party is one peer of an attempt, as both know it from the introduction.
type party struct {
	id    rendezvous.ID
	nonce rendezvous.Nonce
}

// proof is what the sender sends to the receiver: that it knows the secret, in this attempt, and is this sender. Since
// the receiver's fresh nonce is in it, a proof of another attempt is worthless; since the sender stands first, so is the
// receiver's own proof sent back to it. Both nonces have travelled with the introduction: one flight each way is enough.
//
// It is bound to the two parties, not to the connection: a proof that somebody in the middle passes on is as good as one
// that came straight. Addresses could not bind it: behind NATs, the two ends do not see the same ones.
func proof(key []byte, sender, receiver party) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{
		[]byte("punchlab v1 proof"), sender.id[:], sender.nonce[:], receiver.id[:], receiver.nonce[:],
	} {
		mac.Write(part) // every part has a fixed length: no two lists of parts run together
	}
	return mac.Sum([]byte(proofMagic))
}

// readProof reads exactly one proof, and not a byte of what follows it. It gives up at the first byte that does not
// belong there.
func readProof(r io.Reader, want []byte) error {
	got := make([]byte, proofSize)
	for n := 0; n < proofSize; {
		more, err := r.Read(got[n:])
		n += more
		if !bytes.HasPrefix([]byte(proofMagic), got[:min(n, len(proofMagic))]) {
			return errProof
		}
		if err != nil && n < proofSize {
			return errors.Join(errProof, err)
		}
	}
	if !hmac.Equal(got, want) {
		return errProof
	}
	return nil
}
