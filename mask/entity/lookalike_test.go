package entity

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// invent writes a value of a form with random letters and digits.
func invent(r *rand.Rand, ops string) string {
	var b strings.Builder
	for i, c := range []byte(spelled(ops)) {
		switch c {
		case 'd':
			if i == 0 {
				b.WriteByte("123456789"[r.IntN(9)])
				continue
			}
			b.WriteByte(byte('0' + r.IntN(10)))
		case 'N':
			b.WriteByte(byte('2' + r.IntN(8)))
		case 'A', 'V':
			b.WriteByte("ABCDEFGHJKLMNPRSTUVWXYZ"[r.IntN(23)])
		case 'X':
			b.WriteByte("0123456789ABCDEFGHJKLMNPRSTUVWXYZ"[r.IntN(33)])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// TestLookAlikes: numbers that orders, parts, prices, clocks and machines have are
// not reported for their shape alone.
func TestLookAlikes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := shaped()
	total, reportedAll := 0, 0
	for pattern := range strings.SplitSeq("d{4};d{5};d{6};d{7};d{8};d{9};d{10};d{11};d{12};d{13};d{14};d{15};d{17};d{18};d{19};d{20};Ad{5};Ad{6};Ad{7};Ad{8};Ad{9};AAd{5};AAd{6};AAd{7};AAd{8};AAAd{4};AAAd{5};AAAd{6};AAAd{7};X{8};X{9};X{10};X{11};X{12};X{13};X{14};X{16};X{20};ddd-ddd;dddd-dddd;ddddd-ddd;ddddd-ddddd;ddd-dddd;dddd-d;ddddd-d;dd-dddd;d-dddd;dd-dd-dd;dd.dd.dd;d.ddd.ddd;dd.ddd.ddd;d ddd ddd;dd ddd ddd;dddd dddd;ddd ddd;ddddd ddddd;ddd-ddd-ddd;AA-dddddd;AAA-dddddd;AAA-dddd;A-ddddd;A-dddddd;d{7}A;d{5}A;ddA;ddddAA;AAdddddA;dddd dddddd;dd dddddd;ddd dd;d,ddd,ddd;d{6}-d;dddd/dd;dd/dddd;dd:dd:dd;dddd.dddd;0.d{8};d.dd;vd.d.d;X{4}-X{4}-X{4};d{12}-d{4};ddd ddd dddd;dd dd dd dd;ddd dd ddd;ddddd/ddd;XXXX-d{7};ddd-dd-ddd;d-ddd-ddddd-d", ";") {
		hits := 0
		for range 200 {
			total++
			if reported(t, d, invent(r, pattern)) != "" {
				hits++
			}
		}
		reportedAll += hits
		if hits > 8 {
			t.Errorf("%s: %d of 200 are reported, as %s", pattern, hits, invent(r, pattern))
		}
	}
	if reportedAll*200 > total {
		t.Errorf("%d of %d look-alikes are reported", reportedAll, total)
	}
	t.Logf("%d of %d look-alikes are reported", reportedAll, total)
}

// TestWordsAlone: a number that words make one kind's is another's, or nobody's,
// behind the words of an order, an invoice or a version.
func TestWordsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := shaped()
	for _, word := range []string{"order no.", "invoice", "tracking number", "Bestellnummer", "Rechnung Nr.", "numéro de commande", "pedido", "fattura", "bestelling", "zamówienie", "заказ №", "sipariş no", "订单号", "注文番号", "주문번호", "رقم الطلب طلب", "part no", "SKU", "case number", "customer no."} {
		hits, total := 0, 0
		for _, pattern := range []string{"d{7}", "d{8}", "d{9}", "d{10}", "d{11}", "d{12}", "Ad{7}", "AAd{6}", "ddd-ddd-dddd", "dddd-dddd", "d{5}-d{5}", "ddd ddd ddd"} {
			for range 20 {
				total++
				if got := reported(t, d, word+" "+invent(r, pattern)+" please"); got != "" {
					hits++
				}
			}
		}
		if hits*50 > total {
			t.Errorf("%q: %d of %d are reported", word, hits, total)
		}
	}
}

// TestMembers: numbers that JSON holds without quotes are found where their key or their check
// digits say what they are, and not where they are clocks, prices, places and the numbers of
// things.
func TestMembers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	d := shaped()
	for text, want := range map[string]string{
		`"card": 4012888888881881`:    "credit_card:4012888888881881",
		`"number": 4012888888881881`:  "credit_card:4012888888881881",
		`"phone": 4155552671`:         "phone:4155552671",
		`"mobile": 4915123456789`:     "phone:4915123456789",
		`"ssn": 536904399`:            "national_id:536904399",
		`"account_number": 482019473`: "bank_account:482019473",
		`"bsn": 482019475`:            "national_id:482019475",
		`"imei": 490154203237518`:     "device_id:490154203237518",
	} {
		if got := reported(t, d, text); got != want {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
	hits, total := 0, 0
	for _, key := range strings.Fields("created created_at updatedAt ts timestamp time start_ms expires_at order_id orderId order invoice price total amount count size bytes offset views lat lon x y id parent_id user_count uid pid seq version build hash nonce max min maximum default duration elapsed_ns population population_2020 revision commit_time epoch line") {
		for _, ops := range []string{"17d{8}", "17d{11}", "17d{14}", "20d{6}", "d{7}", "d{8}", "d{9}", "d{10}", "d{11}", "d{12}", "d{13}", "d{15}", "d{16}", "d{17}", "d{18}", "d{19}", "d{7}.dd", "d.d{7}", "dd.d{7}"} {
			for range 40 {
				if total++; reported(t, d, `"`+key+`": `+invent(r, ops)) != "" {
					hits++
				}
			}
		}
	}
	if hits*1000 > total {
		t.Errorf("%d of %d numbers of things are reported", hits, total)
	}
	t.Logf("%d of %d numbers of things are reported", hits, total)
}
