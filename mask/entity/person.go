package entity

// findPeople finds names of persons.
//
// Catches: given names and surnames, in full or alone, in any order and case, in the
// languages that the recogniser learnt.
// Does not catch: titles, forms of address, user names.
// Example: Maria Keller.
func findPeople(p *page, emit emitter) { p.speak("person", emit) }
