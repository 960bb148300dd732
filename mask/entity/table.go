package entity

import "strings"

// table is a block of lines whose first names the columns: a number in one of the
// others is what its column is called.
type table struct {
	header, body, end int // where the lines begin, and where the last one ends
	sep               byte
}

// rowLimit bounds the lines that are taken for rows.
const rowLimit = 4000

// findTables finds the tables of a text in one pass over its lines.
func (p *page) findTables() {
	if len(p.cues) == 0 || strings.IndexByte(p.t, '\n') < 0 {
		return
	}
	var open table
	columns := 0
	for from := 0; from < len(p.t); {
		end := from + len(firstLine(p.t[from:]))
		n := 0
		if open.sep != 0 && end-from < rowLimit {
			n = columnsOf(p.t[from:end], open.sep)
		}
		if open.sep != 0 && n == columns {
			open.end = end
		} else {
			p.closeTable(open)
			open = table{header: from, body: end + 1, sep: p.headerSep(from, end)}
			if open.sep != 0 {
				columns = columnsOf(p.t[from:end], open.sep)
			}
		}
		from = end + 1
	}
	p.closeTable(open)
}

// closeTable keeps a table that has rows.
func (p *page) closeTable(t table) {
	if t.sep != 0 && t.end > t.body {
		p.tables = append(p.tables, t)
	}
}

// headerSep returns what parts the names of columns, 0 when a line names none.
func (p *page) headerSep(from, end int) byte {
	if end-from > rowLimit || end-from < 5 {
		return 0
	}
	if i := p.last(from); i >= len(p.cues) || int(p.cues[i].start) >= end {
		return 0
	}
	line, digits := p.t[from:end], 0
	for i := range len(line) {
		if isDigit(line[i]) {
			if digits++; digits > 4 {
				return 0
			}
		}
	}
	for _, sep := range []byte{'\t', ';', '|', ','} {
		if columnsOf(line, sep) >= 2 {
			if sep == ',' && !tight(line) {
				return 0
			}
			return sep
		}
	}
	return 0
}

// tight reports whether commas part short names, as in a file, not the clauses of a
// sentence.
func tight(line string) bool {
	for cell := range strings.SplitSeq(line, ",") {
		if len(cell) > 40 || strings.Count(strings.TrimSpace(cell), " ") > 3 {
			return false
		}
	}
	return true
}

func firstLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return s[:i]
	}
	return s
}

// columnsOf counts the cells of a line; marks inside quotes part nothing.
func columnsOf(line string, sep byte) int {
	n, quoted := 1, false
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		} else if line[i] == sep && !quoted {
			n++
		}
	}
	return n
}

// cellAt returns the bounds of a line's cell.
func cellAt(t string, from, column int, sep byte) (start, end int) {
	start = from
	quoted := false
	for i := from; i <= len(t); i++ {
		switch {
		case i == len(t) || t[i] == '\n':
			if column > 0 {
				return from, from
			}
			return start, i
		case t[i] == '"':
			quoted = !quoted
		case t[i] == sep && !quoted:
			if column == 0 {
				return start, i
			}
			column--
			start = i + 1
		}
	}
	return from, from
}

// tableOf returns the table in whose rows a place is.
func (p *page) tableOf(at int) *table {
	lo, hi := 0, len(p.tables)
	for lo < hi {
		if mid := (lo + hi) / 2; p.tables[mid].end <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(p.tables) && p.tables[lo].body <= at {
		return &p.tables[lo]
	}
	return nil
}

// column adds what the name of its column says of a value, if it is in a table.
func (p *page) column(at int, n *near) bool {
	tab := p.tableOf(at)
	if tab == nil {
		return false
	}
	row := strings.LastIndexByte(p.t[:at], '\n') + 1
	start, end := cellAt(p.t, tab.header, columnsOf(p.t[row:at], tab.sep)-1, tab.sep)
	for i := p.last(start); i < len(p.cues) && int(p.cues[i].start) < end && n.n < len(n.topics); i++ {
		if p.cues[i].topic == otherWord {
			n.other = n.n == 0
			continue
		}
		n.other = false
		n.topics[n.n] = p.cues[i].topic
		n.n++
	}
	return true
}

// heads reports whether a place is in the line that names a table's columns.
func (p *page) heads(at int) bool {
	for i := range p.tables {
		if p.tables[i].header <= at && at < p.tables[i].body {
			return true
		}
		if p.tables[i].header > at {
			break
		}
	}
	return false
}

// cells visits the cells of all columns that a topic names, without their quotes.
func (p *page) cells(topic topic, visit func(start, end int)) {
	for _, tab := range p.tables {
		for column := range columnsOf(firstLine(p.t[tab.header:]), tab.sep) {
			a, b := cellAt(p.t, tab.header, column, tab.sep)
			if !p.names(a, b, topic) {
				continue
			}
			for row := tab.body; row < tab.end; row += len(firstLine(p.t[row:])) + 1 {
				start, end := cellAt(p.t, row, column, tab.sep)
				for start < end && (p.t[start] == '"' || p.t[start] == ' ') {
					start++
				}
				if start < end {
					visit(start, end)
				}
			}
		}
	}
}

// names reports whether a word in t[start:end] is of a topic, and none of another
// thing.
func (p *page) names(start, end int, topic topic) bool {
	found := false
	for i := p.last(start); i < len(p.cues) && int(p.cues[i].start) < end; i++ {
		found = found || p.cues[i].topic == topic
	}
	return found
}
