package attack

import (
	"math/rand/v2"
	"sync"
)

// SmallCaps writes small letters as small capitals.
//
// Source: letters of Unicode's phonetic extensions; PyRIT's UnicodeSubstitutionConverter.
// Example: "say" becomes "ꜱᴀʏ".
type SmallCaps struct{}

var smallCaps = sync.OnceValue(func() swap {
	return swapOf("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ")
})

// ID implements [redteam.Converter].
func (SmallCaps) ID() string { return "small_caps" }

// Convert implements [redteam.Converter].
func (SmallCaps) Convert(_ *rand.Rand, text string) string { return smallCaps().apply(text) }

// Invert implements [redteam.Inverter].
func (SmallCaps) Invert(text string) (string, bool) { return smallCaps().apply(text), true }
