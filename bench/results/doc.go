// Package results is what a run of the bench leaves behind: the format of
// results.jsonl, how it is written and read, and the statistics of it.
//
// The file holds one JSON object per line. The first is the manifest, which
// says what was planned and on what it ran; every further line is one trial:
//
//	{"manifest":{"format":1,"version":"v0.1.0","kernel":"6.12.0", …}}
//	{"topology":"two-nats","nat_a":"openwrt","nat_b":"linux-random","slots":{}, …}
//
// Lines are written as trials end, so a run that was cut short leaves a file
// that is readable up to there. Times are milliseconds with a fraction; a time
// that was not reached or not measured is null.
//
// A part of a run, a shard, has the cells of that part in its manifest, and
// where they stand in the whole. Fields that a newer version added are read
// past, and kept.
//
// The package knows nothing of namespaces, NATs or sockets: it builds on every
// system, and reports are made again from the file alone.
package results
