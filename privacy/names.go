package privacy

// common are the names that document systems, mail programs and authorities put on
// documents, by the label they mean. Whoever writes one of them as a line of its own means a
// label.
var common = [4][]string{
	Public: {"tlp:clear", "tlp:white", "public information", "public use", "for public release", "approved for public release", "non-business", "unclassified",
		"öffentliches dokument", "document public", "diffusion publique", "documento público", "información pública", "documento pubblico", "openbaar document"},
	General: {"tlp:green", "internal use", "internal only", "internal use only", "for internal use", "for internal use only", "company internal", "official use only",
		"nur für den internen gebrauch", "nur zur internen verwendung", "nur intern", "interner gebrauch", "firmenintern", "usage interne", "à usage interne", "diffusion interne", "document interne",
		"uso interno", "solo uso interno", "sólo para uso interno", "solo para uso interno", "documento interno", "solo per uso interno", "documento a uso interno",
		"intern gebruik", "alleen voor intern gebruik", "til intern brug", "kun til intern brug", "kun til intern bruk", "internt bruk", "för internt bruk", "endast för internt bruk",
		"vain sisäiseen käyttöön", "do użytku wewnętrznego", "tylko do użytku wewnętrznego", "pro interní použití", "belső használatra", "somente uso interno", "apenas para uso interno", "для внутреннего пользования", "内部资料", "社内限"},
	Confidential: {"confidential", "company confidential", "business confidential", "commercial in confidence", "commercially confidential", "in confidence", "in strict confidence", "private and confidential",
		"private & confidential", "confidential information", "confidential and proprietary", "proprietary and confidential", "confidential & proprietary", "proprietary & confidential", "company proprietary",
		"official sensitive", "tlp:amber", "attorney client privileged", "privileged and confidential", "privileged & confidential", "not for distribution",
		"vertraulich", "firmenvertraulich", "vertrauliche informationen", "vs nfd", "vs nur für den dienstgebrauch", "verschlusssache", "persönlich und vertraulich", "persönlich/vertraulich",
		"confidentiel", "confidentielle", "diffusion restreinte", "confidentiel entreprise", "confidencial", "información confidencial", "informação confidencial", "documento confidencial", "uso restringido",
		"riservato", "riservata", "documento riservato", "confidenziale", "informazioni riservate", "vertrouwelijk", "bedrijfsvertrouwelijk", "departementaal vertrouwelijk",
		"fortrolig", "fortroligt", "konfidentielt", "konfidensielt", "konfidentiell", "konfidentiellt", "sekretess", "luottamuksellinen", "poufne", "zastrzeżone", "důvěrné", "dôverné", "bizalmas", "confidențial", "gizli", "поверително",
		"конфиденциально", "для служебного пользования", "конфіденційно", "εμπιστευτικό", "機密", "机密", "社外秘", "部外秘", "대외비"},
	HighlyConfidential: {"highly confidential", "strictly confidential", "strictly private", "strictly private and confidential", "strictly private & confidential", "most confidential", "very confidential",
		"company secret", "trade secret", "top secret", "highly restricted", "highly sensitive", "eyes only", "for your eyes only", "tlp:red", "tlp:amber+strict",
		"streng vertraulich", "strengstens vertraulich", "streng geheim", "vs vertraulich", "betriebsgeheimnis", "geschäftsgeheimnis", "strictement confidentiel", "très confidentiel", "hautement confidentiel", "secret défense", "très secret",
		"estrictamente confidencial", "altamente confidencial", "muy confidencial", "alto secreto", "estritamente confidencial", "ultrassecreto", "strettamente riservato", "strettamente confidenziale", "segretissimo", "riservatissimo",
		"strikt vertrouwelijk", "zeer vertrouwelijk", "zeer geheim", "strengt fortrolig", "strengt fortroligt", "strengt konfidensielt", "yderst fortroligt", "strängt konfidentiellt", "strikt konfidentiellt", "kvalificerat hemlig", "erittäin luottamuksellinen",
		"ściśle poufne", "ściśle tajne", "přísně důvěrné", "přísně tajné", "prísne dôverné", "szigorúan bizalmas", "szigorúan titkos", "strict confidențial", "çok gizli", "строго поверително",
		"строго конфиденциально", "совершенно секретно", "суворо конфіденційно", "άκρως εμπιστευτικό", "極秘", "极机密", "绝密", "극비", "سري للغاية"},
}

// everyday are words that label documents and say other things more often: alone they count
// only where it is plain that a label is meant.
var everyday = [4][]string{
	Public:             {"public", "unrestricted", "öffentlich", "publique", "público", "pubblico", "openbaar", "offentlig", "offentligt", "öffentligt", "julkinen", "publiczne", "jawne", "veřejné", "nyilvános", "общедоступно", "公开", "公開"},
	General:            {"general", "internal", "official", "business", "allgemein", "intern", "interne", "interno", "interna", "intern bruk", "internt", "sisäinen", "wewnętrzne", "interní", "belső", "внутренний", "内部"},
	Confidential:       {"restricted", "sensitive", "proprietary", "private", "privileged", "classified", "protected", "privat", "privé", "privado", "privato", "sensibel", "sensible", "limitado", "restreint", "restrito", "begrenset"},
	HighlyConfidential: {"secret", "geheim", "secreto", "secreta", "segreto", "segreta", "hemlig", "hemmelig", "hemmeligt", "salainen", "tajne", "tajné", "titkos", "секретно", "秘密", "機密性3情報"},
}

// keys are what stands before a label where a document names one: "Classification:
// Confidential".
var keys = []string{"classification", "data classification", "information classification", "document classification", "security classification", "sensitivity", "sensitivity label", "sensitivity level",
	"confidentiality", "confidentiality level", "protective marking", "security marking", "x ms sensitivity", "x classification", "classification level", "data sensitivity", "tlp",
	"klassifizierung", "klassifikation", "einstufung", "vertraulichkeit", "vertraulichkeitsstufe", "schutzklasse", "schutzbedarf", "geheimhaltungsstufe", "classement", "confidentialité", "niveau de confidentialité", "sensibilité",
	"clasificación", "clasificación de la información", "confidencialidad", "nivel de confidencialidad", "sensibilidad", "classificação", "classificação da informação", "confidencialidade", "classificazione", "riservatezza", "livello di riservatezza", "classificatie", "vertrouwelijkheid",
	"rubricering", "klassificering", "informationsklass", "fortrolighed", "klassifisering", "fortrolighet", "luokitus", "luottamuksellisuus", "turvaluokitus", "klasyfikacja", "poziom poufności", "klasifikace", "stupeň důvěrnosti", "minősítés", "bizalmasság",
	"gizlilik", "gizlilik derecesi", "гриф", "гриф секретности", "классификация", "機密区分", "機密性", "密级", "密級", "분류"}

// frontKeys are those that mean a label in the head of a document only.
var frontKeys = []string{"label", "marking", "security", "sensitivitylabel", "securityclassification"}
