package report

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browserPatience bounds a test with a browser, which is slow to start on a machine
// that is busy.
const browserPatience = time.Minute

// browser finds one, and skips the test where there is none: a browser is no part of
// what a machine needs to build and to test punchlab, in CI neither.
func browser(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("PUNCHLAB_BROWSER"); named != "" {
		return named
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no browser: neither chromium, chromium-browser nor google-chrome is there, and PUNCHLAB_BROWSER names none")
	return ""
}

// tab is a page in a browser of its own.
type tab struct {
	context.Context
	t       *testing.T
	console iter.Seq2[chromedp.ConsoleMessage, error]
}

// newTab starts a browser that runs as long as the test.
func newTab(t *testing.T) *tab {
	t.Helper()
	path := browser(t)
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 { // whom Chromium's sandbox refuses
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return &tab{ctx, t, chromedp.Console(ctx)}
}

// do carries actions out, one after the other.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// value is what an expression comes to in the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until an expression is true. It looks now and then: a browser without
// a screen may have no reason to draw a frame, and so to look at each.
func (b *tab) wait(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(20*time.Millisecond),
		chromedp.WithPollingTimeout(browserPatience)))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// key presses keys on whatever has the focus.
func (b *tab) key(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// keep writes a file to the folder that PUNCHLAB_SCREENSHOTS names, for people.
func (b *tab) keep(name string, of chromedp.Action[[]byte]) {
	b.t.Helper()
	dir := os.Getenv("PUNCHLAB_SCREENSHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b, of)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), picture, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// silent checks that the console has nothing to say, up to a word of ours.
func (b *tab) silent() {
	b.t.Helper()
	const last = "that is all"
	value[bool](b, fmt.Sprintf("console.log(%q) === undefined", last))
	for m, err := range b.console {
		if err != nil {
			b.t.Fatal(err)
		}
		if m.Text == last {
			return
		}
		b.t.Errorf("the console says: %s", m)
	}
}

// visit opens a page on a screen, and logs how long that took.
func (b *tab) visit(path string, s screen) {
	b.t.Helper()
	size := []chromedp.EmulateViewportOption{}
	if s.phone {
		size = append(size, chromedp.EmulateMobile, chromedp.EmulatePortrait)
	}
	b.do(chromedp.EmulateViewport(s.width, s.height, size...))
	_, err := chromedp.Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://" + path))
	b.wait(`document.querySelectorAll("#grid td").length > 0`)
	const navigation = `performance.getEntriesByType("navigation")[0].`
	b.t.Logf("parsed after %.0f ms, the map is there after %.0f ms, loaded after %.0f ms",
		value[float64](b, navigation+"domInteractive"), value[float64](b, navigation+"domContentLoadedEventEnd"),
		value[float64](b, navigation+"loadEventEnd"))
}

// fits checks that nothing is wider than the screen but what scrolls by itself.
func (b *tab) fits() {
	b.t.Helper()
	const over = `[document.documentElement, document.querySelector("#cell")].map((e) => e.scrollWidth - e.clientWidth).join()`
	if wider := value[string](b, over); wider != "0,0" {
		b.t.Errorf("page and cell are wider than the screen by %s", wider)
	}
}

// at tells which square has the focus, as somebody hears it who does not see.
func (b *tab) at() string {
	b.t.Helper()
	return value[string](b, `document.activeElement.getAttribute("aria-label") ?? document.activeElement.tagName`)
}

type screen struct {
	name          string
	width, height int64
	phone         bool
	scheme        string
}

var screens = []screen{
	{"desk-light", 1400, 950, false, "light"}, {"desk-dark", 1400, 950, false, "dark"},
	{"phone-light", 390, 844, true, "light"}, {"phone-dark", 390, 844, true, "dark"},
}

// The page of a full run in a browser, as a person uses it.
func TestPageInBrowser(t *testing.T) {
	browser(t)
	run, path := fullPage(t)
	summaries := run.Summaries()
	for _, s := range screens {
		t.Run(s.name, func(t *testing.T) {
			b := newTab(t)
			b.visit(path, s)
			if n := value[int](b, `document.querySelectorAll("#grid td").length`); n != len(summaries) {
				t.Errorf("%d squares", n)
			}
			if is := value[string](b, `getComputedStyle(document.documentElement).colorScheme`); is != s.scheme {
				t.Errorf("the colours are %s", is)
			}
			b.fits()
			b.keep(s.name+".png", chromedp.CaptureScreenshot())

			const place = 2*80 + 3 // in the third row and the fourth column
			of := summaries[place]
			b.do(chromedp.Click(chromedp.CSS(`#grid td[data-y="2"][data-x="3"]`)))
			b.wait(`document.querySelector("#cell").open && document.querySelector("#cell details[open] pre").textContent.includes("rendezvous")`)
			if is := value[string](b, `document.querySelector("#cell .interval").textContent`); is != of.Interval.String() {
				t.Errorf("the interval of %s is %s, want %s", of.Cell, is, of.Interval)
			}
			if is := value[string](b, `document.querySelector("#cell h2").textContent`); is != string(of.NATA+" × "+of.NATB) {
				t.Errorf("the cell is %s, want %s", is, of.Cell)
			}
			b.fits()
			b.keep(s.name+"-cell.png", chromedp.CaptureScreenshot())
			b.key(kb.Escape)
			b.wait(`!document.querySelector("#cell").open`)
			b.silent()
		})
	}
}

// Keys do what a pointer does, and Tab comes to one square of the map and no more.
func TestPageByKeys(t *testing.T) {
	browser(t)
	run, path := fullPage(t)
	summaries := run.Summaries()
	label := func(row, column int) string {
		s := summaries[row*80+column]
		return fmt.Sprintf("%s × %s: %d of %d connected, ", s.NATA, s.NATB, s.Successes, s.Trials)
	}
	b := newTab(t)
	b.visit(path, screens[0])
	b.do(chromedp.Focus(chromedp.CSS("#filter-b")))
	b.key(kb.Tab)
	for _, step := range []struct {
		keys        []string
		row, column int
	}{
		{nil, 0, 0}, {[]string{kb.ArrowRight, kb.ArrowRight, kb.ArrowDown}, 1, 2}, {[]string{kb.ArrowLeft}, 1, 1}, {[]string{kb.End}, 1, 79},
		{[]string{kb.ArrowRight}, 1, 79}, {[]string{kb.PageDown}, 11, 79}, {[]string{kb.Home}, 11, 0}, {[]string{kb.PageUp, kb.PageUp}, 0, 0},
	} {
		b.key(step.keys...)
		if at := b.at(); !strings.HasPrefix(at, label(step.row, step.column)) {
			t.Fatalf("%q leads to %q, want %q", step.keys, at, label(step.row, step.column))
		}
	}
	b.key(kb.ArrowDown, kb.Enter)
	b.wait(`document.querySelector("#cell").open`)
	if is := value[string](b, `document.querySelector("#cell .interval").textContent`); is != summaries[80].Interval.String() {
		t.Errorf("the interval is %s", is)
	}
	b.key(kb.Escape)
	b.wait(`!document.querySelector("#cell").open`)
	if at := b.at(); !strings.HasPrefix(at, label(1, 0)) {
		t.Errorf("Escape leaves the focus at %q", at)
	}
	if n := value[int](b, `document.querySelectorAll('#grid [tabindex="0"]').length`); n != 1 {
		t.Errorf("Tab comes to %d squares", n)
	}
	b.silent()
}

// Filters, sorting, views and colours, on a page of several tables; and paper.
func TestPageControls(t *testing.T) {
	browser(t)
	s := told(t)
	s.Run.Trials[0].Story = "a ladder"
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(written(t, "html", s)), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newTab(t)
	b.visit(path, screens[0])
	rows := func() string {
		return value[string](b, `[...document.querySelectorAll("#grid tbody th")].map((e) => e.querySelector("span").textContent).join()`)
	}
	set := func(id, to string) {
		t.Helper()
		value[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q;
			e.dispatchEvent(new Event(e.tagName === "INPUT" ? "input" : "change")); return e.value === %[2]q; })()`, id, to))
	}
	for _, step := range []struct{ id, to, want string }{
		{"sort", "plan", "openwrt,linux-random"}, {"sort", "name", "linux-random,openwrt"}, {"sort", "best", "openwrt,linux-random"},
		{"sort", "worst", "linux-random,openwrt"}, {"filter-a", "WRT", "openwrt"}, {"filter-a", "nothing", ""}, {"filter-a", "", "linux-random,openwrt"},
		{"table", "1", "none"}, {"table", "2", "open"}, {"table", "0", "linux-random,openwrt"},
	} {
		set(step.id, step.to)
		if is := rows(); is != step.want {
			t.Errorf("%s %q shows %q, want %q", step.id, step.to, is, step.want)
		}
	}
	set("show", "cause:refused_by *both*")
	if is := value[string](b, `[...document.querySelectorAll("#grid td")].map((e) => e.textContent).join()`); is != "5,5,5,2" {
		t.Errorf("the map of a cause has %s", is)
	}
	for _, want := range []string{"light", "dark", ""} {
		b.do(chromedp.Click(chromedp.CSS("#theme")))
		if is := value[string](b, `document.documentElement.dataset.theme ?? ""`); is != want {
			t.Errorf("the theme is %q, want %q", is, want)
		}
	}
	b.keep("paper.pdf", chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize()))
	b.silent()
}
