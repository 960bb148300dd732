package dialect

import (
	"bytes"
	"io"
	"strconv"
	"sync"

	"github.com/bartizan-ai/bartizan/llm"
)

// frames is what every streamed answer is read from.
type frames struct {
	body  io.ReadCloser
	sse   *sse
	words string // of the last frame: every frame repeats some
	ended bool
	close sync.Once
}

func newFrames(body io.ReadCloser) frames { return frames{body: body, sse: newSSE(body)} }

// Close implements [llm.Stream].
func (f *frames) Close() (err error) {
	f.close.Do(func() { err = f.body.Close() })
	return err
}

// read returns the data of the next frame. A stream that ends without its terminal
// event has not ended.
func (f *frames) read() ([]byte, error) {
	if f.ended {
		return nil, io.EOF
	}
	_, data, err := f.sse.next()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

// openAIFrames is a streamed answer.
type openAIFrames struct {
	frames
	open  map[int][]llm.Channel
	names map[llm.Channel]string
	ids   map[llm.Channel]string
	stray map[string]int
}

// Frames implements [Dialect].
func (OpenAI) Frames(_ *llm.Request, body io.ReadCloser) llm.Stream {
	return &openAIFrames{frames: newFrames(body), open: map[int][]llm.Channel{}, names: map[llm.Channel]string{},
		ids: map[llm.Channel]string{}, stray: map[string]int{}}
}

func (f *openAIFrames) Next() (*llm.Event, error) {
	data, err := f.read()
	if err != nil {
		return nil, err
	}
	e := &llm.Event{Data: data} // this dialect names no events
	if string(bytes.TrimSpace(data)) == "[DONE]" {
		e.Data, e.End, f.ended = []byte("[DONE]"), llm.EndClean, true
		return e, nil
	}
	a, err := newAnswer(e)
	if err != nil {
		return nil, err
	}
	defer a.release()
	a.open, a.names, a.ids, a.stray, a.heard = f.open, f.names, f.ids, f.stray, f.words
	a.completion()
	a.closeTexts()
	f.ended = e.End == llm.EndError
	e, err = a.finish(e)
	f.words = string(a.reader.words)
	return e, err
}

// maxStray bounds the texts in places that nobody knows.
const maxStray = 256

// flowing are keys under which text comes in pieces, in objects that nobody knows. What
// stands under others is a label, whole in each frame.
var flowing = set("text content thinking summary reasoning reasoning_text output_text transcript completion value")

// strays reads a member that nobody knows. In a stream its texts go on in later frames, and
// programs join them: so does the guard, place by place, and nothing of them is edited.
func (a *answerReader) strays(i, at, choice int) {
	a.key(i, llm.OriginUnknown)
	if a.open == nil {
		a.unknown(i, at, llm.OriginUnknown)
		return
	}
	a.in(i, at, func() {
		switch a.nodes[i].kind {
		case str:
			if flowing[a.name(a.nodes[i])] {
				a.joined(i, choice)
				return
			}
			a.strings(i, llm.OriginUnknown)
		case object, array:
			a.each(i, func(c, n int) { a.strays(c, n, choice) })
		}
	})
}

func (a *answerReader) joined(i, choice int) {
	name := strconv.Itoa(choice) + " " + string(a.path) + " " + a.name(a.nodes[i])
	n, ok := a.stray[name]
	if !ok {
		if n = len(a.stray); n >= maxStray {
			a.leftover(i)
			return
		}
		a.stray[name] = n
	}
	a.say(i, llm.Channel{Choice: choice, Part: strange + n})
	a.passages[len(a.passages)-1].Sealed = true
}
