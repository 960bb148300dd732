package scripted

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
)

// vector is what every text is embedded as: 0.25 and 0.1, which is no float of
// either size, written as digits that a decoder must not touch.
const vector = `[0.25,-0.5,0.10000000000000001]`

// serveData answers what is neither streamed nor said by a model.
func (p *Provider) serveData(w http.ResponseWriter, r *http.Request, a asked, body []byte) {
	var b struct {
		Model  string
		Input  json.RawMessage
		Format string `json:"encoding_format"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if a.model == "" {
		a.model = b.Model
	}
	p.note(a.kind+":"+a.model, Call{r.Method, r.URL.String(), r.Header.Clone(), body})
	w.Header().Set("Content-Type", "application/json")
	switch a.kind {
	case "count":
		_, _ = io.WriteString(w, `{"input_tokens":7}`)
	case "input":
		_, _ = io.WriteString(w, `{"object":"response.input_tokens","input_tokens":7}`)
	default:
		_, _ = io.WriteString(w, embedded(b.Input, b.Format == "base64"))
	}
}

func embedded(input json.RawMessage, packed bool) string {
	n := 1
	var list []json.RawMessage
	if json.Unmarshal(input, &list) == nil && len(list) > 0 && (list[0][0] == '"' || list[0][0] == '[') {
		n = len(list)
	}
	v := vector
	if packed {
		v = quote(pack(0.25, -0.5, 0.1))
	}
	var data []string
	for i := range n {
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, v))
	}
	return fmt.Sprintf(`{"object":"list","data":[%s],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}`, strings.Join(data, ","))
}

func pack(values ...float32) string {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return base64.StdEncoding.EncodeToString(b)
}
