package entity

import "strings"

// findUsernames finds the names of accounts.
//
// Catches: what follows "username:", "login=", "user id is" and their like in twenty
// languages; @names where a network or a profile is spoken of.
// Does not catch: @names elsewhere, which are decorators, packages and mentions;
// values that are no name, such as null, true and placeholders.
// Example: "username: jdoe_92".
func findUsernames(p *page, emit emitter) {
	last := 0
	for _, c := range p.cues {
		if int(c.start) < last {
			continue
		}
		switch c.topic {
		case userWord:
			last = max(last, p.named(int(c.end), emit))
		case socialWord:
			last = max(last, p.handled(int(c.end), emit))
		}
	}
}

// named emits the value of a label that ends at i.
func (p *page) named(i int, emit emitter) int {
	start, sign := valueStart(p.t, i)
	if start == 0 || strings.HasPrefix(p.t[max(0, i-1):], "::") || strings.HasPrefix(p.t[i:], "::") {
		return 0
	}
	end := start
	if end < len(p.t) && p.t[end] == '@' {
		end++
	}
	for end < len(p.t) && end-start < 40 && nameByte(p.t[end]) {
		end++
	}
	for end > start && (p.t[end-1] == '.' || p.t[end-1] == '-') {
		end--
	}
	name := p.low[start:end]
	if len(name) < 3 || len(name) > 30 || notAName(name) || end < len(p.t) && (p.t[end] == '@' || p.t[end] == '(' || p.t[end] == '{' || p.t[end] == '$' || p.t[end] == '<' && !strings.HasPrefix(p.t[end:], "</")) {
		return 0
	}
	if i := strings.IndexByte(p.t[start:end], '.'); i >= 0 && p.t[start+i+1] >= 'A' && p.t[start+i+1] <= 'Z' {
		return 0 // a field in program text
	}
	if digitsOnly([]byte(name)) && (!sign || len(name) < 5) {
		return 0
	}
	switch marked := strings.ContainsAny(name, "0123456789_.@"); {
	case sign && (marked || len(name) >= 4):
		emit(start, end, .8)
	case marked:
		emit(start, end, .7)
	default:
		return 0
	}
	return end
}

// valueStart returns where the value of a label begins: behind a sign, or behind
// "is". 0 when the word is no label.
func valueStart(t string, i int) (start int, sign bool) {
	k := pastMarkup(t, i)
	for _, w := range []string{":", "=", "is ", "ist ", "est ", "es ", "é ", "è ", "为", "是", "は", "to "} {
		if strings.HasPrefix(t[k:], w) {
			sign = w == ":" || w == "="
			k += len(w)
			for k < len(t) && strings.IndexByte(" \"'*`", t[k]) >= 0 {
				k++
			}
			return k, sign
		}
	}
	if k > i && k < len(t) && (isAlnum(t[k]) || t[k] == '@') {
		return k, false
	}
	return 0, false
}

// pastMarkup skips blanks, quotes, one line end and tags behind a label.
func pastMarkup(t string, i int) int {
	k := i
	for k < len(t) && k-i < 24 {
		if t[k] == '<' {
			if end := strings.IndexByte(t[k:min(len(t), k+16)], '>'); end > 0 {
				k += end + 1
				continue
			}
		}
		if strings.IndexByte(" \t\"'*`#-", t[k]) < 0 && (t[k] != '\n' || k-i > 2) {
			break
		}
		k++
	}
	return k
}

func nameByte(c byte) bool { return isAlnum(c) || c == '_' || c == '.' || c == '-' }

// notAName lists what stands for no name.
func notAName(s string) bool {
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "int") || strings.HasPrefix(s, "uint") || strings.Contains(s, "username") || strings.HasPrefix(s, "your") || strings.Contains(s, "user_name") {
		return true
	}
	return strings.Contains(" null none true false undefined string required optional root admin administrator anonymous guest user username unknown name test example your password email id int integer varchar text the and not n/a nil void page failed error success button form field input value default www com http https public private self this postgres mysql localhost ubuntu oracle nobody system import output media override ", " "+strings.Trim(s, "@.")+" ")
}

// handled emits an @name shortly behind a network's name.
func (p *page) handled(i int, emit emitter) int {
	for k := i; k < len(p.t) && k-i < 28 && p.t[k] != '\n'; k++ {
		if p.t[k] != '@' {
			continue
		}
		end := k + 1
		for end < len(p.t) && nameByte(p.t[end]) {
			end++
		}
		for end > k && (p.t[end-1] == '.' || p.t[end-1] == '-') {
			end--
		}
		if end-k < 4 || notAName(p.low[k:end]) || k > 0 && isAlnum(p.t[k-1]) || end < len(p.t) && (p.t[end] == '/' || p.t[end] == '(' || p.t[end] == '@') {
			return 0
		}
		emit(k, end, .8)
		return end
	}
	return 0
}
