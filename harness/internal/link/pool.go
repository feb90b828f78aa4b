package link

import (
	"runtime"
	"sync"
)

// pool holds the keepers: none without a lab, and at most one for each
// processor.
var pool struct {
	sync.Mutex
	keepers []*keeper
}

// hire finds a keeper for a new lab.
func hire() (*keeper, error) {
	pool.Lock()
	defer pool.Unlock()
	var least *keeper
	for _, k := range pool.keepers {
		if least == nil || k.labs < least.labs {
			least = k
		}
	}
	if least == nil || least.labs > 0 && len(pool.keepers) < runtime.NumCPU() {
		k, err := newKeeper()
		if err != nil {
			return nil, err
		}
		pool.keepers = append(pool.keepers, k)
		least = k
	}
	least.labs++
	return least, nil
}

// dismiss ends a keeper with its last lab.
func dismiss(k *keeper) error {
	pool.Lock()
	defer pool.Unlock()
	if k.labs--; k.labs > 0 {
		return nil
	}
	for i, other := range pool.keepers {
		if other == k {
			pool.keepers = append(pool.keepers[:i], pool.keepers[i+1:]...)
			break
		}
	}
	return k.stop()
}
