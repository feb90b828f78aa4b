package results

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Writer appends trials to a results file. Its methods may be called from
// several goroutines at once; every trial is one call to the underlying
// writer, so nothing is kept back and a crash costs at most the last line.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewWriter writes the manifest and returns a Writer for the trials. It does
// not close w.
func NewWriter(w io.Writer, m Manifest) (*Writer, error) {
	m.Format = Format
	line, err := encode(manifestLine{&m})
	if err != nil {
		return nil, fmt.Errorf("results: manifest: %w", err)
	}
	out := &Writer{w: w}
	return out, out.append(line)
}

// Resume returns a Writer for the further trials of a run whose file has its
// manifest, and ends with a whole line.
func Resume(w io.Writer) *Writer { return &Writer{w: w} }

// Write appends one trial. Once the underlying writer has failed (a full
// disk), that error is returned by every later call as well and nothing more
// is written: half a line must not be followed by another. A trial that is
// itself at fault is refused without harm to the next.
func (w *Writer) Write(t Trial) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("results: trial %d of %s: %w", t.Number, t.Cell, err)
	}
	line, err := encode(t)
	if err == nil {
		line, err = withUnknown(line, t.Unknown)
	}
	if err != nil {
		return fmt.Errorf("results: trial %d of %s: %w", t.Number, t.Cell, err)
	}
	return w.append(line)
}

// Err is the error that ended the writing, if one did.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *Writer) append(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	n, err := w.w.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = fmt.Errorf("results: %w", err)
	}
	return w.err
}

// encode gives a line with its newline. Causes may hold < and >, which stay
// legible: the file is not HTML.
func encode(v any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return line.Bytes(), err
}

// manifestLine is the first line. The pointer tells a manifest from a line
// that has none.
type manifestLine struct {
	Manifest *Manifest `json:"manifest"`
}
