package entity

// findAddresses finds postal addresses.
//
// Catches: street and number, with what follows of house, post code, city and country; post
// boxes.
// Does not catch: a city or country alone, which is a location.
// Example: Gartenstraße 12, 50674 Köln.
func findAddresses(p *page, emit emitter) { p.speak("address", emit) }
