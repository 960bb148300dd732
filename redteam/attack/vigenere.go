package attack

import "math/rand/v2"

// Vigenere turns each letter by the next letter of a key, so that no single shift reads it.
//
// Source: Bellaso 1553; Handa et al. 2024, "Jailbreaking Proprietary LLMs using Word Substitution Cipher".
// Example: "attack at dawn" becomes "btltky nu dspv" with the key "bastion".
type Vigenere struct{}

const vigenereKey = "bastion"

// ID implements [redteam.Converter].
func (Vigenere) ID() string { return "vigenere" }

// Convert implements [redteam.Converter].
func (Vigenere) Convert(_ *rand.Rand, text string) string { return rotate(text, keyed(1)) }

// Invert implements [redteam.Inverter].
func (Vigenere) Invert(text string) (string, bool) { return rotate(text, keyed(-1)), true }

// keyed returns the places to turn by, one after another.
func keyed(sign rune) func() rune {
	i := 0
	return func() rune {
		n := rune(vigenereKey[i%len(vigenereKey)]-'a') * sign
		i++
		return n
	}
}
