package entity

import (
	"context"
	"strings"
	"testing"

	"github.com/bartizan-ai/bartizan/llm"
)

func BenchmarkShapes(b *testing.B) {
	prose := "The committee met again on Thursday to go through the plans for the new library. Nobody could say when the work would begin, since the offers that came in were higher than the town had hoped, and two of the builders asked for more time. Anna Berg will write to them (anna.berg@example.org) and report at the next meeting, on 12 March 2025 in room 204. "
	for name, text := range map[string]string{
		"prose":   strings.Repeat(prose, 12),
		"numbers": strings.Repeat("2024-05-01 12:30:11 1,204.50 88 4711 0.3352 1200345 17 998877 10.4 5512 331 77\n", 50),
		"cjk":     strings.Repeat("会议在星期四再次举行，讨论新图书馆的计划。没有人能说工程什么时候开始，因为报价比镇上希望的要高。", 28),
		"russian": strings.Repeat("Комитет снова собрался в четверг, чтобы обсудить планы новой библиотеки. Никто не мог сказать, когда начнётся работа. ", 18),
		"forms":   strings.Repeat("Name: Berg, Anna\nPhone: +49 30 5550123\nDOB: 03.05.1990\nEmail: anna@example.org\nIBAN: DE41 5001 0517 0123 4567 89\n", 36),
		"digits":  strings.Repeat("1234567890", 400),
		"spaced":  strings.Repeat("12 345 6789 ", 340),
	} {
		b.Run(name, func(b *testing.B) {
			d := shaped()
			passages := []llm.Passage{{Text: text}}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Look(context.Background(), passages); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile reads a megabyte of what is hardest to read: the time for each
// byte must be that of a kilobyte.
func BenchmarkHostile(b *testing.B) {
	for _, unit := range []string{"1", ".", "@", "+", "a@", "1.", "+1", "1-", "ab:", "(1", "4111 ", "tel ", "born 1 ", "<<", "A1", "%2B", "allergic to ", "https://", "1 ", "0x", ".com/"} {
		b.Run(unit, func(b *testing.B) {
			d := shaped()
			passages := []llm.Passage{{Text: strings.Repeat(unit, 1<<20/len(unit))}}
			b.SetBytes(1 << 20)
			for b.Loop() {
				if _, err := d.Look(context.Background(), passages); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAll reads a kilobyte for all twenty kinds, as a guard does that wants them: both
// detectors, one after the other.
func BenchmarkAll(b *testing.B) {
	for name, text := range map[string]string{
		"prose":  "The committee met again on Tuesday and agreed on the plan for the new bridge, which will be built next year. ",
		"names":  "Maria Keller of Harrow & Pike Ltd wrote to Oluwaseun Adebayo in Leeds about 27 Protea Street, Bellville. ",
		"german": "Der Ausschuss hat am Dienstag erneut getagt und dem Plan für die neue Brücke zugestimmt, die nun gebaut wird. ",
		"forms":  "Name: Berg, Anna\nPhone: +49 30 5550123\nDOB: 03.05.1990\nEmail: anna@example.org\nIBAN: DE41 5001 0517 0123 4567 89\n",
	} {
		b.Run(name, func(b *testing.B) {
			d := Detectors()
			passages := []llm.Passage{{Text: strings.Repeat(text, 10)[:1024]}}
			b.SetBytes(1024)
			b.ReportAllocs()
			for b.Loop() {
				_, left, err := d[0].LookOn(context.Background(), passages, nil)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err = d[1].LookOn(context.Background(), passages, left); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
