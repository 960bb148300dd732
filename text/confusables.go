package text

// lookalikes pairs letters of other scripts with the Latin letter they are
// drawn like. Each pair of runes reads "foreign, Latin". Only letters that pass
// for Latin in running text stand here: a table as wide as Unicode's own folds
// ordinary Greek and Cyrillic too.
const lookalikes = "" +
	// Cyrillic
	"аaеeоoрpсcуyхxіiјjѕsһhԁdԛqԝwѵvкkмmтtвbнhгrпnиuьbԍgҽeӏlәeөoүyқkңhғf" +
	"АAВBЕEКKМMНHОOРPСCТTУYХXІIЈJЅSҺHԌGԚQԜWѴVӀIҮYԐEҚK" +
	// Greek
	"αaβbεeηnιiκkνvοoρpτtυuχxγyωwϲcϳjσoμu" +
	"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXϹCϺM" +
	// Armenian, Cherokee, Lisu and the like
	"օoսuհhոnցgզqյjԼLՍUՕOᎪAᏴBᏟCᎠDᎬEᏀGᎻHᎥiᎫJᏦKᏞLᎷMΝNᏢPᎡRᏚSᎢTᏙVᎳWᏃZ" +
	"ꓮAꓐBꓚCꓓDꓰEꓝFꓖGꓧHꓲIꓙJꓗKꓡLꓟMꓠNꓳOꓑPꓣRꓢSꓔTꓴUꓦVꓪWꓫXꓬYꓜZ"

// latins are variants that are Latin wherever they stand: small capitals,
// letters with a stroke, typographic marks.
const latins = "" +
	"ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpǫqʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzɑaɡgɩiıiƖlǀlłlŁLøoØOđdĐDħhŧtƀbɓbɗdɛeƒfɠgɨiɉjƙkƛlɱmɲnɔoƥpʠqɍrʂsʈtʉuʋvɯwƴyʐz" +
	"‘'’'ʼ'′'＇'“\"”\"„\"«\"»\"″\"‐-‑-‒-–-—-―-−-⁃-"

// confusable maps a rune to the Latin letter it is drawn like; latin holds
// those that need no context.
var confusable, latin = pairs(lookalikes), pairs(latins)

func pairs(s string) map[rune]byte {
	m := make(map[rune]byte, len(s)/3)
	var from rune
	for i, r := range []rune(s) {
		if i%2 == 0 {
			from = r
			continue
		}
		m[from] = byte(r)
	}
	return m
}

// enclosed returns the letter inside circles and squares that NFKC leaves
// alone or writes with brackets, 0 for every other rune. Regional indicators
// are flags, not letters.
func enclosed(r rune) byte {
	switch {
	case 0x1F150 <= r && r <= 0x1F169:
		return byte('A' + r - 0x1F150)
	case 0x1F170 <= r && r <= 0x1F189:
		return byte('A' + r - 0x1F170)
	case 0x1F130 <= r && r <= 0x1F149:
		return byte('A' + r - 0x1F130)
	case 0x1F110 <= r && r <= 0x1F129:
		return byte('A' + r - 0x1F110)
	case 0x249C <= r && r <= 0x24B5:
		return byte('a' + r - 0x249C)
	}
	return 0
}
