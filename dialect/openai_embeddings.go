package dialect

import "github.com/bartizan-ai/bartizan/llm"

var embedKeys = set("model input dimensions encoding_format user input_type")

// embed reads a request for embeddings: texts to be read, or the ids of tokens, which
// nobody here can.
func (c *chatReader) embed() *Fault {
	if c.strict(0, embedKeys); c.err != nil {
		return malformed(c.err)
	}
	if f := c.model(c.req); f != nil {
		return f
	}
	if i := c.get(0, "input"); i < 0 || c.nodes[i].kind != str && c.nodes[i].kind != array {
		return invalid("input", "The field input must be a text, a list of texts or a list of token ids.")
	}
	c.each(0, func(i, at int) {
		switch c.name(c.nodes[i]) {
		case "model":
			c.modelName(i, at, c.req)
		case "input":
			c.in(i, at, func() { c.inputs(i) })
		case "encoding_format", "input_type":
			c.word(i, at)
		default:
			c.key(i, llm.OriginUnknown)
			c.unknown(i, at, llm.OriginUnknown)
		}
	})
	return nil
}

// inputs reads a text, a list of texts, a list of token ids or a list of those.
func (c *chatReader) inputs(i int) {
	switch {
	case c.nodes[i].kind == str:
		c.passage(i, llm.Channel{}, llm.OriginUser)
	case c.vector(i):
		c.passages = append(c.passages, llm.Passage{Channel: llm.Channel{Kind: llm.KindMedia}, Origin: llm.OriginUser,
			Path: string(c.path), MIME: "tokens", Whole: true})
	case c.nodes[i].kind == array:
		c.each(i, func(m, at int) { c.in(m, at, func() { c.inputs(m) }) })
	default:
		c.strings(i, llm.OriginUnknown)
	}
}

// embeddings reads an answer that is vectors: numbers, or their base64.
func (a *answerReader) embeddings() {
	if a.nodes[0].kind != object {
		a.err = ErrAnswer
		return
	}
	a.each(0, func(i, at int) {
		switch a.name(a.nodes[i]) {
		case "data":
			a.in(i, at, func() {
				a.each(i, func(d, n int) {
					a.binary(a.get(d, "embedding"))
					a.in(d, n, func() { a.strings(d, llm.OriginUnknown) })
				})
			})
		case "usage":
			a.usage(i)
		case "error":
			if a.erring(i) {
				a.event.End = llm.EndError
			}
			a.unknown(i, at, llm.OriginUnknown)
		default:
			a.word(i, at)
		}
	})
}
