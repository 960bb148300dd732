// Package attack disguises what an attacker says, and brings it in: converters and strategies,
// one to a file, all of them in [Converters] and [Strategies].
//
// A converter is a pure function of a text and of what it draws from the generator it is
// given. It takes any bytes, and its result is at most 64 times as long, and 4 kB. Where its
// work can be undone it says how ([redteam.Inverter]), and what it undoes is exact for every
// text that is valid UTF-8. Converters go one after another: base64, then ask_to_decode.
//
// A strategy is a state machine: what it sends next follows from what was answered so far.
// What an attack says is opaque: it arrives byte for byte, and only the words for canary,
// mark and payload are replaced, once ([Fill]).
//
// Everything here is published technique, in words of our own, for measuring one's own
// systems. No member needs a model or a network, except those in model_*.go, which ask the
// attacker's model of their campaign. May change.
package attack

import "github.com/bartizan-ai/bartizan/redteam"

// Converters returns every converter, by kind.
func Converters() []redteam.Converter {
	return []redteam.Converter{
		// Encodings.
		Base64{}, Base64URL{}, Base32{}, Base58{}, Base2048{}, ASCII85{}, Hex{}, Binary{}, Octal{}, Charcode{},
		URL{}, HTMLEntity{}, JSONString{}, UnicodeEscape{}, QuotedPrintable{}, Uuencode{}, Nested{},
		// Ciphers and codes.
		Rot13{}, Rot47{}, Caesar{}, Atbash{}, Vigenere{}, RailFence{}, Bijection{}, DigitBijection{}, LetterToken{},
		Morse{}, NATO{}, Braille{}, MathObfuscation{},
		// Order of letters and words.
		Flip{}, FlipLetters{}, ReverseWords{}, UpsideDown{}, Piglatin{}, CharSwap{},
		// Noise on the surface.
		Leetspeak{}, CharSpace{}, StringJoin{}, RandomCase{}, Camelcase{}, InsertPunctuation{}, RepeatToken{}, SuffixAppend{},
		ColloquialWordswap{}, FirstLetter{}, Acrostic{},
		// Letters that look alike.
		UnicodeConfusable{}, Fullwidth{}, Superscript{}, SmallCaps{}, MathLetters{}, Emoji{}, Zalgo{}, Diacritic{},
		Arabizi{}, ArabicPresentation{}, Tatweel{},
		// What is not seen.
		ZeroWidth{}, Bidi{}, TagSmuggling{}, SneakyBits{}, VariationSelector{},
		// Frames.
		AskToDecode{}, TaskFraming{}, CodeChameleon{}, CodeAttack{}, PolicyPuppetry{}, TemplateSegment{}, NegationTrap{},
		SelectiveText{}, MarkdownFence{}, SplitWords{}, SATAMasking{},
	}
}
