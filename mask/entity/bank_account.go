package entity

import "bytes"

// findAccounts finds numbers of bank accounts in their national forms.
//
// Catches: routing numbers of the United States, British sort codes with and
// without account, Australian BSB, Canadian transit numbers, Indian IFSC, Mexican
// CLABE and Argentine CBU with their check digits, SWIFT codes, and plain account
// numbers behind a word for them.
// Does not catch: account numbers without a word; the international form is iban.
// Example: "sort code 20-00-00".
func findAccounts(p *page, emit emitter) {
	for _, c := range p.cues {
		if c.topic != swiftWord {
			continue
		}
		// Codes have no digit that would make them a number: they are looked for.
		for i := int(c.end); i < len(p.t) && i < int(c.end)+24 && (p.t[i] != '\n' || i < int(c.end)+4); {
			j := skipNumber(p.t, i)
			if n := j - i; (n == 8 || n == 11) && bic([]byte(p.t[i:j])) {
				emit(i, j, .95)
				break
			}
			i = max(j, i+1)
		}
	}
}

// accounts lists the forms. Most are short numbers, which only words make accounts.
func accounts() []rule {
	const k = "bank_account"
	return []rule{
		{kind: k, name: "US routing number", shape: "d{9}=0", check: abaRouting, words: "routing*|rtn|rtn:|aba|aba:|aba no*|aba num*|aba#|transit routing*|wire routing*"},
		{kind: k, name: "UK sort code", shape: "dd-dd-dd=0;dddddd=0;dd dd dd=0", words: "sort code*|sortcode*|sort_code*|sort-code*|sc:|s/c"},
		{kind: k, name: "Sort code and account", shape: "dd-dd-dd d{8}=.8;dd-dd-dd / d{8}=.85", also: bankWord, alone: .95},
		{kind: k, name: "BSB", shape: "ddd-ddd=0;dddddd=0;ddd ddd=0", words: "bsb*|bsb:|bank state branch"},
		{kind: k, name: "Canadian transit", shape: "ddddd-ddd=0;ddddd=0;ddddd-ddd-d{7}=.8;d{5}=0", words: "transit|transit no*|transit num*|branch transit*"},
		{kind: k, name: "IFSC", shape: "VVVV0XXXXXX=.8;AAAA0XXXXXX=.4", words: "ifsc*|ifsc code*|rtgs|neft"},
		{kind: k, name: "CLABE", shape: "d{18}=.35;ddd ddd d{11} d=.85", check: clabe, words: "clabe*|cuenta clabe*", also: bankWord, alone: .97},
		{kind: k, name: "CBU", shape: "d{22}=.6", check: cbu, words: "cbu|cbu:|cvu|cvu:|clave bancaria*|alias cbu", also: bankWord, alone: .98},
		{kind: k, name: "German bank code", shape: "ddd ddd dd=0;d{8}=0", words: "blz|blz:|bankleitzahl*"},
		{kind: k, name: "New Zealand account", shape: "dd-dddd-d{7}-dd=.9;dd-dddd-d{7}-ddd=.9", also: bankWord, alone: .97},
		{kind: k, name: "Brazilian branch and account", shape: "dddd / ddddd-d=.4;dddd-d=0;ddddd-X=0;dddddd-X=0;d{7}-X=0;d{8}-X=0",
			words: "conta corrente*|c/c|c/c:|conta poupança*|conta:|nº da conta*|número da conta*"},
		{kind: k, name: "Czech and Polish account", shape: "d{6}-d{10}/dddd=.9;d{10}/dddd=.6;d{9}/dddd=.6;dddddd-d{9}/dddd=.9;dd-d{10}/dddd=.8;dd dddd dddd dddd dddd dddd dddd=.8;d{26}=.4", also: bankWord, alone: .96},
		{kind: k, name: "Hungarian account", shape: "d{8}-d{8}=.4;d{8}-d{8}-d{8}=.9", also: bankWord, alone: .96},
		{kind: k, name: "Russian account", shape: "408d{17}=.6;407d{17}=.5;423d{17}=.6;301d{17}=.4;40817 d{3} d ddddddddddd=.6", words: "р/с|р/сч*|расчетный счет*|расчётный счёт*|лицевой счет*|счет получателя*|номер счета*|к/с|счёт №|счет №", also: bankWord, alone: .96},
		{kind: k, name: "Japanese and Korean account", shape: "d{7}=0;ddd-dd-dddddd=.3;ddd-dddddd-dd-ddd=.6;dddd-dd-d{7}=.3;dddddd-dd-dddddd=.6;ddd-dddd-dddd-dd=.5;ddd-ddd-dddddd=.3;ddddd-d{8}=0",
			words: "口座番号*|普通預金*|普通|当座|口座*|계좌*|계좌번호*|입금계좌*"},
		{kind: k, name: "account number", shape: "d{6}=0;d{7}=0;d{8}=0;d{9}=0;d{10}=0;d{11}=0;d{12}=0;d{13}=0;d{14}=0;d{15}=0;d{16}=0;d{17}=0;d{18}=0;d{19}=0;d{20}=0;dd dd ddd=0;dddd dddd=0;dddd dddddd=0;dddd dddd dddd=0;ddd ddd ddd=0;dddd dddd dddd ddd=0;dddd dddd dddd dddd=0;dddd dddd dddd dddd ddd=0;ddd-dddddd-d=0;dddd-dddddd-d=0;dd-dddddd-d=0;dd-d{7}-d=0;dddd.dd.ddddd=.4;d{9}-d=0;d{8}-d=0;dddd-d{7}=0;d{5}-d{5}=0;ddd-d-ddddd-d=0;ddd-dddddd-ddd=0;dddd dd d{10}=0;dddd dddd dd d{10}=.6;dddd-dddd-dd-d{10}=.7",
			check: account6, words: accountWords},
	}
}

// abaRouting is the check of the American bankers.
func abaRouting(v []byte) bool {
	first := two(v, 0)
	return dot(v, "371371371")%10 == 0 && !allSame(v) && (first <= 12 || 21 <= first && first <= 32 || 61 <= first && first <= 72 || first == 80)
}

// clabe weighs 3, 7, 1 and drops the tens of every product.
func clabe(v []byte) bool {
	sum := 0
	for i, c := range v[:17] {
		sum += digit(c) * digit("371"[i%3]) % 10
	}
	return (10-sum%10)%10 == digit(v[17]) && !allSame(v)
}

// cbu has one check for the branch and one for the account.
func cbu(v []byte) bool {
	return (10-dot(v, "7139713")%10)%10 == digit(v[7]) && (10-dot(v[8:], "3971397139713")%10)%10 == digit(v[21]) && !allSame(v)
}

// bic holds a country after four letters of the bank.
func bic(v []byte) bool {
	for _, c := range v[:6] {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	const countries = "ADAEAFAGAIALAMAOARATAUAWAZBABBBDBEBFBGBHBIBJBMBNBOBRBSBTBWBYBZCACDCFCGCHCICLCMCNCOCRCUCVCWCYCZDEDJDKDMDODZECEEEGERESETFIFJFOFRGAGBGDGEGGGHGIGLGMGNGQGRGTGWGYHKHNHRHTHUIDIEILIMINIQIRISITJEJMJOJPKEKGKHKMKNKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMGMKMLMMMNMOMRMTMUMVMWMXMYMZNANCNENGNINLNONPNZOMPAPEPFPGPHPKPLPSPTPYQARORSRURWSASBSCSDSESGSISKSLSMSNSOSRSTSVSYSZTCTDTGTHTJTLTMTNTOTRTTTWTZUAUGUSUYUZVAVCVEVGVNVUWSXKYEZAZMZW"
	for i := 0; i < len(countries); i += 2 {
		if bytes.Equal(v[4:6], []byte(countries[i:i+2])) {
			return true
		}
	}
	return false
}

// account6 refuses dates, which stand beside accounts often.
func account6(v []byte) bool { return !allSame(v) && !(len(v) == 8 && digitsOnly(v) && yyyymmdd(v, 0)) }

// accountWords call a number that of an account.
const accountWords = "conta|номер счета*|номер счёта*|口座番号*|계좌번호*|account number*|account num*|account no*|acct no*|acct num*|acct #|acct:|acct.|account #|account#|accountnumber*|account_number*|accountno*|bank account*|bankaccount*|bank_account*|checking account*|savings account*|checking:|savings:|checking acct*|savings acct*|a/c no*|a/c num*|a/c|a/c:|kontonummer*|konto-nr*|kontonr*|konto nr*|konto:|bankkonto*|kto.|kto-nr*|kto:|ktnr*|numéro de compte*|n° de compte*|compte bancaire*|compte n*|número de cuenta*|nº de cuenta*|cuenta bancaria*|cuenta corriente*|cuenta de ahorro*|cuenta nº*|cuenta n*|cuenta número*|ccc:|número de conta*|conta bancária*|nib|nib:|numero di conto*|numero conto*|conto corrente*|c/c n*|rekeningnummer*|rekening nr*|rekeningnr*|bankrekening*|numer konta*|numer rachunku*|nr konta*|nr rachunku*|konto bankowe*|rachunek bankowy*|číslo účtu*|č. účtu*|č.ú.|bankovní účet*|bankový účet*|číslo bankového účtu*|bankszámlaszám*|számlaszám*|bankszámla*|cont bancar*|numărul contului|nr. cont*|номер рахунку*|банківський рахунок*|банковская сметка|банкова сметка*|αριθμός λογαριασμού*|αρ. λογαριασμού*|λογαριασμός*|hesap no*|hesap num*|banka hesab*|hesap:|tilinumero*|pankkitili*|bankgiro*|plusgiro*|kontonummer*|reikningsnúmer*|broj računa*|žiro račun*|številka računa*|số tài khoản*|stk:|số tk*|nomor rekening*|no rekening*|no. rekening*|no rek*|norek*|rekening:|nombor akaun*|no. akaun*|akaun bank*|账号*|帳號*|银行账号*|银行账户*|銀行帳號*|银行卡号*|账户|رقم الحساب*|حساب بنكي*|الحساب البنكي*|شماره حساب*|حساب رقم*|מספר חשבון*|חשבון בנק*|חשבון מספר*|खाता संख्या*|खाता नंबर*|बैंक खाता*|खाता क्रमांक*|অ্যাকাউন্ট নম্বর*|হিসাব নম্বর*|เลขที่บัญชี*|เลขบัญชี*|บัญชีธนาคาร*|account is*|account ending*|into account*|to account*"
