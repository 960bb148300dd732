package entity

import "strings"

// findURLs finds addresses of pages.
//
// Catches: with high weight those that lead to a person: profiles on the large
// networks, a user before the host, an e-mail address, a token or an id of a user
// in the query. All other absolute URLs get .3, which no usual threshold reports.
// Does not catch: host names without scheme, apart from www. and profiles.
// Example: the profile of somebody on a network.
func findURLs(p *page, emit emitter) {
	for i := 0; i < len(p.low); i++ {
		c := p.low[i]
		if c != 'h' && c != 'w' && c != 'f' || i > 0 && (isAlnum(p.low[i-1]) || p.low[i-1] == '.' || p.low[i-1] == '@') {
			continue
		}
		host := urlHost(p.low, i)
		if host == 0 {
			continue
		}
		end := urlEnd(p.t, host)
		if end-host < 3 {
			continue
		}
		w := .3
		if personal(p.low[host:end]) {
			w = .9
		}
		emit(i, end, w)
		i = end
	}
	p.bareProfiles(emit)
}

// urlHost returns where the host begins, 0 when no URL begins at i.
func urlHost(low string, i int) int {
	for _, s := range []string{"http://", "https://", "ftp://"} {
		if strings.HasPrefix(low[i:], s) {
			return i + len(s)
		}
	}
	if strings.HasPrefix(low[i:], "www.") && i+4 < len(low) && isAlnum(low[i+4]) {
		return i
	}
	return 0
}

// urlEnd returns the end of a URL, without what ends the sentence.
func urlEnd(t string, i int) int {
	end, depth := i, 0
	for end < len(t) && end-i < 2048 {
		c := t[end]
		if c <= ' ' || strings.IndexByte("<>\"`{}|\\^", c) >= 0 || c >= 0xE2 && c < 0xF0 {
			break
		}
		if c == '(' {
			depth++
		} else if c == ')' {
			if depth--; depth < 0 {
				break
			}
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:!?'*_])", t[end-1]) >= 0 && (t[end-1] != ')' || depth < 0) {
		end--
	}
	return end
}

// profiles are the places where networks keep their members; what follows names
// one.
var profiles = [...]string{"linkedin.com/in/", "linkedin.com/pub/", "facebook.com/", "fb.com/", "x.com/", "twitter.com/", "instagram.com/", "github.com/", "gitlab.com/", "t.me/", "tiktok.com/@", "youtube.com/@", "medium.com/@", "reddit.com/user/", "reddit.com/u/", "vk.com/", "ok.ru/profile/", "weibo.com/u/", "pinterest.com/", "snapchat.com/add/", "twitch.tv/", "threads.net/@", "threads.com/@", "bsky.app/profile/", "mastodon.social/@", "xing.com/profile/", "orcid.org/0", "keybase.io/", "venmo.com/", "paypal.me/", "wa.me/", "steamcommunity.com/id/", "about.me/", "stackoverflow.com/users/", "researchgate.net/profile/", "zhihu.com/people/", "space.bilibili.com/", "open.spotify.com/user/", "soundcloud.com/", "patreon.com/", "calendly.com/"}

// notMembers are first parts of paths that are the networks' own.
const notMembers = " sharer share sharer.php dialog login intent home search explore about help policies privacy terms hashtag i p reel watch groups events pages plugins tr trending topics features pricing marketplace orgs enterprise security settings sponsors docs blog jobs legal developers download s joinchat addstickers public proxy business ads status notifications messages tos en channel video games story stories tv "

// personal reports whether a URL, from its host on, leads to a person.
func personal(s string) bool {
	host, rest, _ := strings.Cut(s, "/")
	if user, _, ok := strings.Cut(host, "@"); ok && user != "" && user != "git" {
		return true
	}
	if profile(s) {
		return true
	}
	_, query, ok := strings.Cut(rest, "?")
	return ok && personalQuery(query)
}

// profile reports whether a URL is a member's page on a network.
func profile(s string) bool {
	s = strings.TrimPrefix(s, "www.")
	s = strings.TrimPrefix(s, "m.")
	for _, n := range profiles {
		// A country may stand before the network's name, another host may not.
		if i := strings.Index(s[:min(len(s), 40)], n); i == 0 || i == 3 && s[2] == '.' {
			return member(s[i+len(n):], n)
		}
	}
	return false
}

// member reports whether the rest of a path names one member and nothing more.
func member(rest, network string) bool {
	name, more, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, "#")
	name, query, _ := strings.Cut(name, "?")
	if name == "profile.php" {
		return strings.HasPrefix(query, "id=")
	}
	if len(name) < 2 || len(name) > 64 || strings.Contains(notMembers, " "+name+" ") {
		return false
	}
	// A second part is a repository or a post, not a person.
	return more == "" || strings.HasSuffix(network, "/in/") || strings.HasSuffix(network, "/users/")
}

// personalQuery reports whether a query carries an address, a token or an id.
func personalQuery(query string) bool {
	for part := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || len(value) < 3 {
			continue
		}
		if i := strings.IndexByte(value, '@'); i > 0 && strings.IndexByte(value[i:], '.') > 0 {
			return true
		}
		if secretName(name) && len(value) >= 6 || strings.Contains(" email e-mail mail user userid user_id uid username phone tel ssn passport customer_id customerid member_id patient_id ", " "+name+" ") {
			return true
		}
	}
	return false
}

func secretName(name string) bool {
	for _, w := range []string{"token", "session", "sid", "secret", "password", "passwd", "apikey", "api_key", "auth", "sig", "signature", "code", "reset"} {
		if name == w || strings.HasSuffix(name, "_"+w) || strings.HasSuffix(name, "token") {
			return true
		}
	}
	return false
}

// bareProfiles finds profiles that are written without a scheme.
func (p *page) bareProfiles(emit emitter) {
	for at := 0; ; {
		i := strings.Index(p.low[at:], ".com/")
		if i < 0 {
			return
		}
		i += at
		at = i + 5
		start := i
		for start > 0 && i-start < 24 && domainByte(p.low[start-1]) && p.low[start-1] < 0x80 {
			start--
		}
		if start == i || start > 0 && strings.IndexByte("./@:-", p.low[start-1]) >= 0 {
			continue
		}
		if end := urlEnd(p.t, i); !strings.HasPrefix(p.low[start:], "git") && profile(p.low[start:end]) {
			emit(start, end, .85)
			at = end
		}
	}
}
