package score

import (
	"encoding/base64"
	"encoding/hex"
)

// encodings are those that keep the bytes of a text together.
var encodings = []func(string) string{
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return hex.EncodeToString([]byte(s)) },
}
