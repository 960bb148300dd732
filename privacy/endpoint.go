package privacy

import (
	"net/url"
	"strings"
)

// consumer are the pages and apps that people use with accounts of their own, under terms
// of their own. A provider's API has another host.
var consumer = []string{
	"chatgpt.com", "chat.openai.com", "claude.ai", "claude.com", "gemini.google.com", "bard.google.com", "notebooklm.google.com", "copilot.microsoft.com", "copilot.cloud.microsoft", "bing.com",
	"perplexity.ai", "poe.com", "character.ai", "you.com", "duckduckgo.com", "duck.ai", "grok.com", "x.com", "twitter.com", "chat.deepseek.com", "chat.mistral.ai", "huggingface.co", "hf.co", "meta.ai", "pi.ai",
	"kimi.com", "kimi.ai", "kimi.moonshot.cn", "chat.qwen.ai", "chat.qwenlm.ai", "tongyi.aliyun.com", "doubao.com", "yiyan.baidu.com", "chatglm.cn", "chat.z.ai", "hailuo.ai", "lechat.mistral.ai", "t3.chat", "genspark.ai", "phind.com", "jasper.ai", "venice.ai",
}

// programs are hosts below a consumer page that serve an API under a contract.
var programs = []string{"api.perplexity.ai", "api.you.com", "api.ydc-index.io", "api.poe.com", "api.venice.ai", "api.jasper.ai", "router.huggingface.co", "api-inference.huggingface.co", "api.x.com"}

// Consumer reports whether a URL leads to a page or app for consumers, and to which. What
// is sent there is under no contract of the organisation.
func Consumer(u *url.URL) (host string, is bool) {
	host = strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, p := range programs {
		if host == p {
			return "", false
		}
	}
	for _, c := range consumer {
		if host == c || strings.HasSuffix(host, "."+c) {
			return c, true
		}
	}
	return "", false
}
