package entity

import (
	"strings"
	"sync"
)

// countedKeys are the last words of keys whose numbers nobody is known by: what programs count,
// measure and number, and when.
var countedKeys = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq("id ids uid pid gid uuid guid key created updated modified deleted at on ts time times timestamp epoch start end expires expiry ms us ns sec seconds millis " +
		"nanos seq sequence offset position pos cursor index idx page size bytes length len count total amount price cost sum min max minimum maximum default limit hash crc checksum nonce seed " +
		"seeds version build revision rev commit line lat lon lng latitude longitude x y z views likes followers population duration elapsed ttl parent") {
		all[w] = true
	}
	return all
})

// counted reports whether the number at i is a member of JSON whose key says that it is one of
// those: of sixteen digits of chance, one in thirty passes for a card.
func (p *page) counted(i int) bool {
	at := trimLeftBlank(p.t, i)
	if at < 3 || p.t[at-1] != ':' || p.t[at-2] != '"' {
		return false
	}
	end := at - 2
	from := strings.LastIndexByte(p.t[max(0, end-64):end], '"') + max(0, end-64) + 1
	word := from
	for k := from; k < end; k++ {
		if c := p.t[k]; !isAlnum(c) {
			word = k + 1
		} else if 'A' <= c && c <= 'Z' && k > from && 'a' <= p.t[k-1] && p.t[k-1] <= 'z' {
			word = k
		}
	}
	return countedKeys()[p.low[word:end]]
}
