//go:build !unix

package punch

import "math"

// fileLimit is how many files this process may have open at once. It is not known here: sockets are not counted by such
// a limit on Windows.
func fileLimit() int { return math.MaxInt32 }
