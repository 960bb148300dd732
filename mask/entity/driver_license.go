package entity

// findLicences finds nothing beyond what the rules do.
//
// Catches: British driving licences, whose shape holds the birthday; the shapes of
// American states, Canadian provinces and of most of Europe, Asia and Latin America
// behind a word for a driving licence.
// Does not catch: other licences without such a word, as their shapes are those of
// any number.
// Example: "driver's license D1234567".
func findLicences(*page, emitter) {}

// licences lists the shapes.
func licences() []rule {
	return []rule{
		{kind: "driver_license", name: "Britain", shape: "XXXXXd{6}XXdXX=.93;XXXXX d{6} XXdXX=.93;XXXXX d{6} XXXXX=.85;XXXXXd{6}XXdXX dd=.93", check: british, also: driverWord, alone: .98},
		{kind: "driver_license", name: "France, India, Japan", shape: "VVdd d{11}=.8;VVdd{4}d{7}=0;VV-dd-dddd-d{7}=.9;VVdd-d{11}=.8;VV-d{13}=.7;VVd{13}=.3;VVdd dddd d{7}=.8", also: driverWord, alone: .97},
		{kind: "driver_license", name: "Florida, Illinois and others", shape: "Addd-ddd-dd-ddd-d=.85;Addd-dddd-dddd=.5;Addd-dddd-dddd-dd=.7;Addd-ddd-ddd-ddd=.7;Addd ddd ddd ddd=.6;Adddd-ddddd-ddddd=.85;Adddd ddddd ddddd=.7;Add-dd-dddd=.3", also: driverWord, alone: .97},
		// "License number" alone is often one of software or of a firm.
		{kind: "driver_license", name: "licence", shape: "Ad{7}=0;Ad{11}=0;Ad{8}=0;Ad{12}=0;Ad{14}=0;Ad{13}=0;AAd{6}=0;AAd{7}=0;A-d{7}=0;A-d{8}=0", words: "licence no*|license no*|licence num*|license num*|licence #|license #|licence:|license:"},
		{kind: "driver_license", name: "any", also: driverWord, alone: .93, check: licenceLike,
			shape: "d{7}=0;d{8}=0;d{9}=0;d{10}=0;d{11}=0;d{12}=0;d{6}=0;Ad{6}=0;Ad{7}=0;Ad{8}=0;Ad{9}=0;Ad{11}=0;Ad{12}=0;Ad{13}=0;Ad{14}=0;AAd{5}=0;AAd{6}=0;AAd{7}=0;AAd{8}=0;AAd{9}=0;AAdddddA=0;AAd{6}A=0;AAAd{6}=0;AAAd{8}=0;d{8}A=0;d{9}A=0;ddd ddd ddd=0;ddd-ddd-ddd=0;ddd-dd-dddd=0;dd ddd ddd=0;XXXXXXXXXXX=0;XXXXXXXXXX=0;XXXXXXXXXXXX=0;AXXddddddXX=0;d{7}A=0;AAdddAAddd=0;ddAAdddd=0;dddd d{6}=0;dd dd d{6}=0;dddd № d{6}=0;dd-dd-d{6}-dd=0;dd/dd/d{6}=0;ddddd/dd/dddd=0;d{5}/dd/d{4}=0;dd-d{6}-dd=0;AAA-dd-d{6}=0;Ad{4}-d{5}=0;A ddd ddd ddd=0;d{18}=0;dddd-dddd-dddd=0;d{14}=0;d{16}=0;A-ddd-ddd-ddd-ddd=0;AA-ddddddd=0;AAdd d{8}=0;Ad{3}-d{4}-d{4}=0;d{3} d{3} d{3} d{3}=0"},
	}
}

// british holds the decade, the month (women's is 50 higher) and the day of birth.
func british(v []byte) bool {
	if !lettersThenNines(v[:5]) {
		return false
	}
	m := two(v, 6)
	if m > 50 {
		m -= 50
	}
	return monthDay(m, two(v, 8)) && isDigit(v[10])
}

// lettersThenNines reads a name that was filled up to five letters with nines.
func lettersThenNines(v []byte) bool {
	filled := false
	for i, c := range v {
		if isDigit(c) {
			if c != '9' || i < 2 {
				return false
			}
			filled = true
		} else if filled {
			return false
		}
	}
	return true
}

func licenceLike(v []byte) bool {
	digits := 0
	for _, c := range v {
		if isDigit(c) {
			digits++
		}
	}
	return digits >= 4 && !allSame(v) && !(len(v) == 8 && digits == 8 && yyyymmdd(v, 0))
}
