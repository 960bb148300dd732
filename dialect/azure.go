package dialect

import (
	"net/http"
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
	"github.com/bartizan-ai/bartizan/risk"
)

// Azure is the wire format of Azure OpenAI: one of OpenAI's, at Azure's paths, with
// Azure's credential and its words for what a content filter stopped
// (learn.microsoft.com/azure/ai-services/openai/concepts/content-filter).
type Azure struct {
	Dialect        // the format: [OpenAI] or [Responses]
	id      string // "azure", "azure-responses"
}

// azure lists the formats that Azure serves.
func azure() []Dialect {
	return []Dialect{Azure{OpenAI{}, "azure"}, Azure{Responses{}, "azure-responses"}}
}

// ID implements [Dialect].
func (a Azure) ID() string { return a.id }

// Provider implements [Dialect].
func (Azure) Provider() string { return "azure" }

// Match implements [Dialect]. Azure has two kinds of paths: one that names a
// deployment and a version of the API, and one that is OpenAI's under another root.
func (a Azure) Match(method, path string, _ http.Header) (Route, bool) {
	format := openAIRoute
	if _, ok := a.Dialect.(Responses); ok {
		format = responsesRoute
	}
	version := []string{"api-version"}
	if rest, ok := strings.CutPrefix(path, "/openai/v1"); ok {
		rt, ok := format(method, rest)
		rt.Path, rt.Params = path, version
		return rt, ok
	}
	if rest, ok := strings.CutPrefix(path, "/openai/deployments/"); ok {
		deployment, rest, _ := strings.Cut(rest, "/")
		rt, ok := format(method, "/"+rest)
		name, named := named(deployment, "")
		rt.Path, rt.Params, rt.Model = "/openai/deployments/{model}/"+rest, version, name
		return rt, ok && named && rt.Op != llm.OpList && a.id == "azure"
	}
	if rest, ok := strings.CutPrefix(path, "/openai"); ok {
		rt, ok := format(method, rest)
		rt.Path, rt.Params = path, version
		return rt, ok && (a.id == "azure-responses" || rt.Op == llm.OpList)
	}
	return Route{}, false
}

// Authorise implements [Dialect].
func (Azure) Authorise(h http.Header, key string) { h.Set("Api-Key", key) }

// Decode implements [Dialect].
func (a Azure) Decode(rt Route, body []byte) (*llm.Request, error) {
	req, err := a.Dialect.Decode(rt, body)
	if err != nil {
		return nil, err
	}
	req.Dialect = a.id
	return req, nil
}

type azureError struct {
	Error azureErrorBody `json:"error"`
}

type azureErrorBody struct {
	Message string      `json:"message"`
	Type    *string     `json:"type"`
	Param   string      `json:"param"`
	Code    string      `json:"code"`
	Status  int         `json:"status"`
	Inner   *azureInner `json:"innererror,omitempty"`
}

type azureInner struct {
	Code   string      `json:"code"`
	Result azureFilter `json:"content_filter_result"`
}

// Fault implements [Dialect]. What policy stopped is spoken as Azure's own filter
// speaks, so that programs which know that one understand this one.
func (a Azure) Fault(f *Fault) []byte {
	if f.Verdict == nil {
		return OpenAI{}.Fault(f)
	}
	return encode(azureError{azureErrorBody{Message: f.Message, Param: "prompt", Code: f.Code, Status: f.Status,
		Inner: &azureInner{Code: "ResponsibleAIPolicyViolation", Result: filterOf(*f.Verdict)}}})
}

// Refusal implements [Dialect].
func (a Azure) Refusal(r *llm.Request, b Refusal) []byte { return a.Dialect.Refusal(r, b.filtered()) }

// RefusalFrames implements [Dialect].
func (a Azure) RefusalFrames(r *llm.Request, b Refusal) []byte {
	return a.Dialect.RefusalFrames(r, b.filtered())
}

// filtered adds what the filter saw, which Azure puts beside the choice that it ended.
func (b Refusal) filtered() Refusal {
	if b.Verdict != nil {
		b.filter = filterOf(*b.Verdict)
	}
	return b
}

// azureFilter is the result of a content filter, category by category.
type azureFilter map[string]azureResult

type azureResult struct {
	Filtered bool   `json:"filtered"`
	Severity string `json:"severity,omitempty"`
	Detected *bool  `json:"detected,omitempty"`
}

// azureCategories says under which of Azure's categories ours are shown. What is in
// none of them is shown as a custom blocklist's.
var azureCategories = map[risk.Category]string{
	"hate": "hate", "harassment": "hate", "defamation": "hate",
	"sexual_content": "sexual", "sex_crime": "sexual", "child_exploitation": "sexual",
	"violent_crime": "violence", "graphic_violence": "violence", "cbrn": "violence", "nonviolent_crime": "violence",
	"self_harm":        "self_harm",
	"prompt_injection": "jailbreak", "jailbreak": "jailbreak", "prompt_leak": "jailbreak", "indirect_injection": "indirect_attack",
}

// azureSeverities are the words for the four bands of Azure's scale of 0 to 7.
var azureSeverities = map[risk.Severity]string{risk.Low: "low", risk.Medium: "medium", risk.High: "high", risk.Critical: "high"}

// filterOf is a verdict in Azure's categories; those in which nothing was found say so.
func filterOf(v risk.Verdict) azureFilter {
	out := azureFilter{}
	for _, name := range []string{"hate", "self_harm", "sexual", "violence"} {
		out[name] = azureResult{Severity: "safe"}
	}
	no, yes := false, true
	out["jailbreak"] = azureResult{Detected: &no}
	worst := map[string]risk.Severity{}
	for _, f := range v.Findings {
		filtered := f.Decision >= risk.Hold
		switch name := azureCategories[f.Category]; name {
		case "":
			if filtered {
				out["custom_blocklists"] = azureResult{Filtered: true, Detected: &yes}
			}
		case "jailbreak", "indirect_attack":
			out[name] = azureResult{Filtered: filtered || out[name].Filtered, Detected: &yes}
		default:
			worst[name] = max(worst[name], f.Severity)
			out[name] = azureResult{Filtered: filtered || out[name].Filtered, Severity: azureSeverities[worst[name]]}
		}
	}
	return out
}
