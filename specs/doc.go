// Package specs holds what must be true of punchlab as a whole: who connects
// with whom, and what every user may rely on. The expectations are written by
// hand, from the mechanism, in testdata.
package specs
