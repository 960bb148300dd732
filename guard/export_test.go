package guard

// AllMatches is what a rule's pattern finds in a text; nil where it gave up.
func AllMatches(expression, text string) [][]int {
	p, err := compilePattern(expression)
	if err != nil {
		return nil
	}
	found, err := p.all(text)
	if err != nil {
		return nil
	}
	return found
}
