package entity

// findLocations finds places.
//
// Catches: cities, regions, countries, rivers, islands, quarters.
// Does not catch: adjectives of nationality, languages.
// Example: Lake Garda.
func findLocations(p *page, emit emitter) { p.speak("location", emit) }
