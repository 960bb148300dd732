package entity

import (
	"strings"
	"sync"
)

// Addresses are written with blanks around their signs so that programs do not read them, and by
// programs that cut texts into words: "ann @ example . com".

// commonTops are the top-level domains that such an address may end in; wordTops are those of
// them that are words, too, and so end one only where no blank stands before them.
var (
	commonTops = sync.OnceValue(func() map[string]bool {
		return setOf("com org net edu gov mil info biz example test invalid de uk fr es nl pl ru ua jp cn kr br pt se dk fi cz ch eu ca au nz ie gr hu ro tr mx ar cl co za sg hk tw th vn my ph il ae sa eg ke ng lu li sk si hr rs bg lt lv ee dev app cloud online email")
	})
	wordTops = sync.OnceValue(func() map[string]bool { return setOf("it in at is me us no be to id io ai tv") })
	// addressed are words that stand before the sign where it means "at".
	addressed = sync.OnceValue(func() map[string]bool {
		return setOf("me us you we i he she they it them him her now here there live work working out is are was were be been the a an and or available order orders shop buy visit more find only sale sold deal deals follow join meet " +
			"meeting party lunch dinner breakfast today tomorrow tonight online see read learn sign register at on in to for from up back home price priced each pcs units items qty trading login host hosted hosting running located based " +
			"used found check click tickets news blog page site website store more info details contact mail email e-mail write call reach talk speaking speaker staff team manager director engineer ceo cto founder developer student professor")
	})
)

func setOf(words string) map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		all[w] = true
	}
	return all
}

// spaced reads an address with blanks around the sign at i, or around a point behind it.
func (p *page) spaced(at, i int) (start, end int) {
	left, right := i, i+1
	for left > at && i-left < maxGap && isGap(p.t[left-1]) {
		left--
	}
	for right < len(p.t) && right-i-1 < maxGap && isGap(p.t[right]) {
		right++
	}
	start = localStart(p.t, max(at, left-64), left)
	if start == left || left < i && !p.addressee(start, left) {
		return 0, 0
	}
	if end = p.spacedDomain(right, left < i || right > i+1); end == 0 {
		return 0, 0
	}
	return start, end
}

// maxGap bounds the blanks beside a sign.
const maxGap = 3

func isGap(c byte) bool { return c == ' ' || c == '\t' }

// addressee reports whether t[start:end] may be the name of an address when a blank parts it from its
// sign.
func (p *page) addressee(start, end int) bool {
	local := p.low[start:end]
	return !addressed()[strings.Trim(local, "'")] && strings.ContainsFunc(local, func(r rune) bool { return r >= 0x80 || 'a' <= r && r <= 'z' })
}

// spacedDomain returns the end of a domain at i whose points may have blanks beside them, 0 when
// there is none. One without any is looked for only behind a sign that has some.
func (p *page) spacedDomain(i int, parted bool) int {
	end, blank := 0, false
	for n := 0; n < 6; n++ {
		from := i
		for i < len(p.t) && i-from < 63 && domainByte(p.t[i]) && (p.t[i] < 0x80 || domainRune(p.t[i:])) {
			i++
		}
		if i == from || p.t[from] == '-' || p.t[i-1] == '-' {
			return end
		}
		if n > 0 && (parted || blank) && p.ends(from, i, blank) {
			end = i
		}
		k := trimGap(p.t, i)
		if k >= len(p.t) || p.t[k] != '.' {
			return end
		}
		next := trimGap(p.t, k+1)
		blank = k > i || next > k+1
		i = next
	}
	return end
}

func trimGap(t string, i int) int {
	for from := i; i < len(t) && i-from < maxGap && isGap(t[i]); {
		i++
	}
	return i
}

// ends reports whether a label is a top-level domain that ends an address. Behind a blank, where
// it could be the first word of a sentence, it is written small.
func (p *page) ends(from, to int, blank bool) bool {
	if to < len(p.t) && strings.IndexByte("([_@={", p.t[to]) >= 0 {
		return false
	}
	top := p.low[from:to]
	return commonTops()[top] && (!blank || top == p.t[from:to]) || !blank && wordTops()[top]
}
