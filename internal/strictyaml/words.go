package strictyaml

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxQuoted is how much of a value that somebody wrote is repeated in a message.
const maxQuoted = 40

// OneOf decodes a scalar into out, which must be one of allowed. It is the body
// of an enumeration's UnmarshalYAML, so that a misspelt word is reported where
// it stands. After an error out is empty, whatever default it held before: no
// later rule must judge a default that the file did not ask for.
func OneOf[T ~string](n *yaml.Node, out *T, allowed ...T) error {
	*out = ""
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("want one of %s, not %s", List(allowed...), kindOf(n))
	}
	if isNull(n) {
		return fmt.Errorf("no value; want one of %s", List(allowed...))
	}
	words := make([]string, len(allowed))
	for i, a := range allowed {
		if n.Value == string(a) {
			*out = a
			return nil
		}
		words[i] = string(a)
	}
	if len(words) == 1 {
		return fmt.Errorf("%s is not %s, the only value here", Quote(n.Value), words[0])
	}
	return fmt.Errorf("%s is not one of %s%s", Quote(n.Value), List(allowed...), DidYouMean(n.Value, words))
}

// List writes words as people read them: "a, b, c".
func List[T ~string](words ...T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// DidYouMean gives "; did you mean X?" for the allowed word nearest to word, or
// nothing where none is near.
func DidYouMean(word string, allowed []string) string {
	if near := Nearest(word, allowed); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Nearest gives the allowed word that word was probably meant to be, or "" if
// none is close: about one letter in three may differ, whatever their case, and
// two neighbours that have changed places count as one. Of equally near words
// it gives the first.
func Nearest(word string, allowed []string) string {
	limit := max(1, (utf8.RuneCountInString(word)+1)/3)
	best, near := limit+1, ""
	letters := []rune(strings.ToLower(word))
	for _, a := range allowed {
		// The length differs by no more than the distance; checking it first
		// keeps a word of 64 KiB from costing anything.
		if diff := len(a) - len(word); diff > limit || -diff > limit {
			continue
		}
		if d := distance(letters, []rune(strings.ToLower(a))); d < best {
			best, near = d, a
		}
	}
	return near
}

// distance is the optimal string alignment distance: how many letters one must
// insert, leave out, replace, or swap with their neighbour to get from a to b.
func distance(a, b []rune) int {
	costs := make([][]int, len(a)+1) // from the first i letters of a to the first j of b
	for i := range costs {
		costs[i] = make([]int, len(b)+1)
		for j := range costs[i] {
			if i == 0 || j == 0 {
				costs[i][j] = i + j
				continue
			}
			replaced := costs[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			costs[i][j] = min(replaced, costs[i-1][j]+1, costs[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				costs[i][j] = min(costs[i][j], costs[i-2][j-2]+1)
			}
		}
	}
	return costs[len(a)][len(b)]
}

// Quote repeats something that somebody wrote, in quotes and shortened, without
// any character that a terminal could act on.
func Quote(s string) string {
	if r := []rune(s); len(r) > maxQuoted {
		s = string(r[:maxQuoted]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// name is Quote without the quotes where nobody could misread the word.
func name(s string) string {
	plain := s != "" && utf8.RuneCountInString(s) <= maxQuoted &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) })
	if plain {
		return s
	}
	return Quote(s)
}
