package dialect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/llm"
)

// protocol is every word that the protocol itself uses, as a key or a value.
var protocol = func() map[string]bool {
	all := set("system developer user assistant tool function custom text image_url input_audio file url detail data format filename file_data file_id " +
		"stop length tool_calls content_filter function_call auto none required low medium high minimal default flex priority " +
		"json_object json_schema schema object array string number integer boolean null properties items required enum anyOf allOf oneOf additionalProperties " +
		"type description title include_usage token logprob bytes top_logprobs content refusal chat.completion chat.completion.chunk usage " +
		"prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details cached_tokens reasoning_tokens audio_tokens " +
		"accepted_prediction_tokens rejected_prediction_tokens error message code param url_citation start_index end_index transcript expires_at id input " +
		"message_start content_block_start content_block_delta content_block_stop message_delta message_stop ping text_delta input_json_delta " +
		"thinking_delta signature_delta citations_delta tool_use tool_result server_tool_use document search_result image redacted_thinking end_turn " +
		"max_tokens web_search_result web_search_result_location cited_text document_title document_index start_char_index end_char_index base64 ephemeral ttl " +
		"image/png image/jpeg text/plain application/pdf enabled adaptive namespace web_search user_id effort verbosity include exec command env query search " +
		"response.created response.in_progress response.completed response.incomplete response.failed response.output_item.added " +
		"response.output_item.done response.content_part.added response.content_part.done response.output_text.delta response.output_text.done " +
		"response.output_text.annotation.added response.function_call_arguments.delta response.function_call_arguments.done " +
		"response.custom_tool_call_input.delta response.custom_tool_call_input.done response.reasoning_summary_part.added " +
		"response.reasoning_summary_part.done response.reasoning_summary_text.delta response.reasoning_summary_text.done " +
		"response.reasoning_text.delta response.reasoning_text.done response.refusal.delta response.refusal.done " +
		"custom_tool_call_output local_shell_call local_shell_call_output mcp_call additional_tools compaction tool_search keepalive response.input_tokens list embedding " +
		"content_filter_results prompt_filter_results prompt_index hate sexual violence self_harm jailbreak filtered severity detected safe wav mp3")
	for _, keys := range []map[string]bool{chatKeys, messageKeys, partKeys, callKeys, functionKeys, answerKeys, choiceKeys, deltaKeys,
		embedKeys, messagesKeys, blockKeys, sourceKeys, anthropicToolKeys, messageAnswerKeys,
		responsesKeys, itemKeys, responsePartKeys, responseToolKeys, responseAnswerKeys} {
		for k := range keys {
			all[k] = true
		}
	}
	return all
}()

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// run are fields that make a provider run something, or choose another model: some
// provider knows each, and the others pass over it. They are asked about as tools are.
var run = set("web_search_options web_search mcp_servers plugins data_sources search_parameters enable_search models fallbacks preset connectors compound_custom")

// continued are fields that make a provider go on from what it kept.
var continued = set("previous_response_id conversation cached_content")

// option reads a field that has a meaning for some provider, whatever the dialect, and
// reports whether it was one.
func (r *reader) option(i, at int, req *llm.Request) bool {
	name := r.name(r.nodes[i])
	switch {
	case run[name]:
		if !r.off(i) {
			req.Tools = append(req.Tools, strings.TrimSuffix(name, "_options"))
		}
		r.unknown(i, at, llm.OriginToolSpec)
	case continued[name]:
		if !r.off(i) {
			req.State = append(req.State, name)
		}
		r.unknown(i, at, llm.OriginUnknown)
	default:
		return false
	}
	return true
}

// off reports whether a field asks for nothing.
func (r *reader) off(i int) bool {
	n := r.nodes[i]
	return r.isNull(i) || string(r.bytes(i)) == "false" || n.kind == array && int(n.skip) == i+1 && !r.vector(i) || n.kind == str && n.start == n.end ||
		r.text(r.get(i, "mode")) == "off"
}
