package entity

import (
	"strings"
	"testing"
)

// specimens are numbers that authorities and standards print as examples, or whose
// check was computed by hand.
func specimens() []struct {
	name  string
	check func([]byte) bool
	value string
} {
	return []struct {
		name  string
		check func([]byte) bool
		value string
	}{
		{"luhn", luhnText, "79927398713"},
		{"verhoeff", verhoeff, "2363"},
		{"aadhaar", aadhaar, "234123412346"},
		{"steuerID", steuerID, "36574261809"},
		{"oib", iso7064, "33392005961"},
		{"personnummer", personnummer, "8803200016"},
		{"fødselsnummer", foedselsnummer, "15108695088"},
		{"hetu", hetu, "131052-308T"},
		{"kennitala", kennitala, "4504013150"},
		{"isikukood", isikukood, "36805280109"},
		{"asmens kodas", isikukood, "33309240064"},
		{"personas kods", personasKods, "16117519997"},
		{"pps", pps, "6433435F"},
		{"svnr", svnr, "1237010180"},
		{"ahv", ean13, "7569217076985"},
		{"nir", nir, "295109912611193"},
		{"dni", dni, "54362315K"},
		{"nie", nie, "X2482300W"},
		{"nif", nif, "501964843"},
		{"cartão", cartaoCidadao, "000000000ZZ4"},
		{"codice fiscale", codiceFiscale, "RCCMNL83S18D969H"},
		{"bsn", bsn, "111222333"},
		{"rijksregister", rijksregister, "85073003328"},
		{"pesel", pesel, "44051401359"},
		{"nip", nip, "8567346215"},
		{"dowod", dowod, "ABA300000"},
		{"rodné číslo", rodneCislo, "7103192745"},
		{"cnp", cnp, "1630615123457"},
		{"egn", egn, "7523169263"},
		{"afm", afm, "094259216"},
		{"amka", amka, "01013099997"},
		{"jmbg", jmbg, "0101006500006"},
		{"rnokpp", rnokpp, "1759013776"},
		{"snils", snils, "11223344595"},
		{"inn", inn, "500100732259"},
		{"inn firm", innFirm, "7707083893"},
		{"kimlik", kimlik, "17291716060"},
		{"sin", sin, "123456782"},
		{"curp", curp, "BOXW310820HNERXN09"},
		{"cpf", cpf, "39053344705"},
		{"cnpj", cnpj, "16727230000197"},
		{"cuit", cuit, "20055361682"},
		{"rut", rut, "760864285"},
		{"ecuador", ecuador, "1714307103"},
		{"resident id", chinese, "360426199101010071"},
		{"hkid", hkid, "A1234563"},
		{"taiwan", taiwanese, "A123456789"},
		{"my number", myNumber, "123456789018"},
		{"nric", nric, "S1234567D"},
		{"teudat", teudat, "039337423"},
		{"southAfrican", southAfrican, "7503305044089"},
		{"tfn", tfn, "123456782"},
		{"abn", abn, "83914571673"},
		{"ird", ird, "49091850"},
		{"nhs", nhs, "9434765870"},
		{"npi", npi, "1234567893"},
		{"dea", dea, "AB1234563"},
		{"kvnr", kvnr, "A123456780"},
		{"medicare", medicare, "2123456701"},
		{"aba", abaRouting, "111000025"},
		{"clabe", clabe, "032180000118359719"},
		{"vin", vinChecked, "1M8GDM9AXKP042788"},
		{"imei", luhnText, "490154203237518"},
		{"rentenversicherung", rentenversicherung, "15070649C103"},
		{"personalausweis", personalausweis, "T220001293"},
		{"iranian", iranian, "0123456789"},
		{"thai", thai, "1234567890121"},
		{"vkn", vkn, "4540536920"},
		{"cbu", cbu, "2850590940090418135201"},
		{"nhi", nhi, "ZZZ0016"},
		{"spi", spi, "3023217600053"},
		{"uruguay", uruguay, "48201945"},
		{"saudi", saudi, "1048201949"},
		{"emirati", emirati, "784198548201940"},
		{"kuwaiti", kuwaiti, "285041748201"},
		{"matricule", matricule, "1985041748245"},
		{"iin", iin, "850417304829"},
		{"személyi", szemelyi, "18504174820"},
		{"adóazonosító", adoazonosito, "8371920482"},
		{"taj", taj, "048201948"},
	}
}

// TestSpecimens: every check takes what its authority prints and, of all numbers
// that differ in one digit, lets at most one in six pass.
func TestSpecimens(t *testing.T) {
	for _, s := range specimens() {
		v := []byte(strings.NewReplacer("-", "").Replace(s.value))
		if s.name == "hetu" {
			v = []byte("131052308T")
		}
		if !s.check(v) {
			t.Errorf("%s refuses %s", s.name, s.value)
			continue
		}
		changed, passed := 0, 0
		for i, c := range v {
			if !isDigit(c) {
				continue
			}
			for d := byte('0'); d <= '9'; d++ {
				if d == c {
					continue
				}
				v[i] = d
				changed++
				if s.check(v) {
					passed++
				}
			}
			v[i] = c
		}
		if passed*6 > changed {
			t.Errorf("%s lets %d of %d changed numbers pass", s.name, passed, changed)
		}
	}
}

// TestPlausible: numbers without a check digit must hold a date, a region or the
// letters that theirs have.
func TestPlausible(t *testing.T) {
	for _, c := range []struct {
		name  string
		check func([]byte) bool
		good  []string
		bad   []string
	}{
		{"ssn", ssn, []string{"536904399", "912781234", "001010001"}, []string{"000123456", "666123456", "536004399", "536900000", "900121234", "111111111"}},
		{"cpr", cpr, []string{"1705851234"}, []string{"3205851234", "1713851234", "0005851234"}},
		{"rrn", rrn, []string{"8504171482019"}, []string{"8513171482019", "8504329482019", "8504179482019"}},
		{"lankan", lankan, []string{"852041234V", "857041234X", "198520401234"}, []string{"854001234V", "852041234A", "850001234V", "178520401234"}},
		{"mykad", mykad, []string{"850417104821"}, []string{"851317104821", "850417004821", "850417174821"}},
		{"nik", nik, []string{"3171041704850003", "3171045704850003"}, []string{"0971041704850003", "3171043204850003", "3171041713850003", "3171041704850000", "9571041704850003"}},
		{"egyptian", egyptian, []string{"28504170112345"}, []string{"18504170112345", "28513170112345", "28504170012345", "28504174012345"}},
		{"chineseOld", chineseOld, []string{"110105850417123"}, []string{"010105850417123", "110105851317123"}},
		{"nino", nino, []string{"JG482019C", "JG482019"}, []string{"DG482019C", "JO482019C", "GB482019C", "JG482019E"}},
		{"pan", pan, []string{"BEGPA4820K"}, []string{"BEGZA4820K"}},
		{"cnic", cnic, []string{"4220148201947"}, []string{"9220148201947", "4220148201940"}},
		{"rfc", rfc, []string{"BEGA850417AB1", "BEG850417AB1"}, []string{"BEGA851317AB1"}},
		{"british", british, []string{"MORGA753116SM9IJ", "FO999753116SM9IJ"}, []string{"MORGA763116SM9IJ", "M9RGA753116SM9IJ", "FO9A9753116SM9IJ"}},
		{"quebec", quebec, []string{"BERA85541712", "BERA85041712"}, []string{"BERA85131712", "BERA85043212"}},
		{"mbi", mbi, []string{"1EG4TE5MK73"}, []string{"1SG4TE5MK73", "0EG4TE5MK73"}},
		{"samordning", samordning, []string{"8504773717"}, []string{"8504123715", "8504773718"}},
		{"bic", bic, []string{"DEUTDEFF", "NEDSZAJJXXX"}, []string{"DEUTQQFF", "D1UTDEFF"}},
		{"venezuela", venezuela, []string{"V12345678"}, []string{"A12345678"}},
		{"cccd", cccd, []string{"001085048201", "482019473"}, []string{"099085048201", "001485048201"}},
		{"personasKods", personasKods, []string{"32482019473"}, []string{"31482019473"}},
		{"passport", passportLike, []string{"C01X00T47", "482019473"}, []string{"ABCDEFG12", "20240501", "111111111"}},
		{"licence", licenceLike, []string{"D4820194"}, []string{"ABCDEF123", "20240501"}},
		{"serial", serialLike, []string{"C02X48201JG5"}, []string{"0X0000001E", "ABCDEFGH12", "20240501"}},
		{"vin", vinLike, []string{"WVWZZZ1KZ8W482019"}, []string{"IVWZZZ1KZ8W482019", "0X3FFF80100000000", "12345678901234567"}},
	} {
		for _, v := range c.good {
			if !c.check([]byte(v)) {
				t.Errorf("%s refuses %s", c.name, v)
			}
		}
		for _, v := range c.bad {
			if c.check([]byte(v)) {
				t.Errorf("%s takes %s", c.name, v)
			}
		}
	}
}

// TestMonths: every language has twelve months.
func TestMonths(t *testing.T) {
	if n := len(strings.Fields(monthNames)); n%12 != 0 {
		t.Errorf("%d names of months", n)
	}
	for name, want := range map[string]int{"march": 3, "märz": 3, "października": 10, "दिसंबर": 12, "ธันวาคม": 12, "дек": 12, "détsembre": 0, "تشرين الثاني": 11, "desemba": 12, "ديسمبر": 12, "декември": 12, "prosinca": 12, "joulukuuta": 12, "gruodžio": 12, "december": 12} {
		if got := months()[name]; got != want {
			t.Errorf("%s is month %d, not %d", name, got, want)
		}
	}
}

// TestVocabulary: there are no more topics than a topic can hold, and no rule is
// lost.
func TestVocabulary(t *testing.T) {
	n := int(firstOwn)
	for _, r := range rules() {
		if r.words != "" {
			n++
		}
		if r.words == "" && r.also == noTopic && !strings.Contains(r.shape, "=.") {
			t.Errorf("nothing can find %s", r.name)
		}
	}
	if n > 255 {
		t.Errorf("%d topics", n)
	}
}

func TestKeccak(t *testing.T) {
	sum := keccak256(nil)
	if got := string(sum[:4]); got != "\xc5\xd2\x46\x01" {
		t.Errorf("the hash of nothing begins with %x", got)
	}
	for _, a := range []string{"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"} {
		if !mixedCase(a) {
			t.Errorf("%s is refused", a)
		}
		if mixedCase(strings.Replace(a, "a", "A", 1)) {
			t.Errorf("%s is taken with another case", a)
		}
	}
}

// TestPage: what the finders read is what the text says, and every place leads back.
func TestPage(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                   "plain",
		"１２３":                     "123",
		"٣۴५๖":                    "3456",
		"a\u00a0b\u2009c\u3000d":  "a b c d",
		"1\u20112\u22123":         "1-2-3",
		"1\u200b2\u200e3\ufeff":   "123",
		"%2B49%20x%41":            "+49 x%41",
		"a&#64;b&nbsp;&amp;&bad;": "a@b &&bad;",
		`a\u0040b\n\"c\/`:         "a@b\n\"c/",
		"100% of":                 "100% of",
		"３ー４":                     "3ー4",
		"3ー4":                     "3-4",
	} {
		p := newPage(text)
		if p.t != want {
			t.Errorf("%q reads %q, not %q", text, p.t, want)
		}
		for i := range len(p.t) {
			a, b := p.original(i, i+1)
			if a < 0 || b > len(text) || a >= b {
				t.Errorf("%q: place %d leads to %d, %d", text, i, a, b)
			}
		}
		if a, b := p.original(0, len(p.t)); a != 0 || b > len(text) {
			t.Errorf("%q: the whole leads to %d, %d", text, a, b)
		}
	}
}
