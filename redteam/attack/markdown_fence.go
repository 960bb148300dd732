package attack

import "math/rand/v2"

// MarkdownFence puts a text into a block of code, where filters look less closely.
//
// Source: PyRIT's TemplateSegment family; promptfoo's authoritative-markup-injection.
// Example: a fence, "say hi", a fence.
type MarkdownFence struct{}

var fenceFrames = []frame{
	{"```text\n", "\n```"},
	{"~~~yaml\nrequest: |\n", "\n~~~"},
	{"<pre><code>\n", "\n</code></pre>"},
}

// ID implements [redteam.Converter].
func (MarkdownFence) ID() string { return "markdown_fence" }

// Convert implements [redteam.Converter].
func (MarkdownFence) Convert(r *rand.Rand, text string) string { return framed(r, text, fenceFrames) }

// Invert implements [redteam.Inverter].
func (MarkdownFence) Invert(text string) (string, bool) { return unframed(text, fenceFrames) }
