package entity

// findOrganizations finds organisations.
//
// Catches: firms with and without their legal form, public bodies, schools, clubs, parties.
// Does not catch: products, laws, departments.
// Example: Harrow & Pike Ltd.
func findOrganizations(p *page, emit emitter) { p.speak("organization", emit) }
