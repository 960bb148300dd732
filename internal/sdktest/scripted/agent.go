package scripted

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	task = regexp.MustCompile(`Read (/[^\s"\\]+) and write its word into (/[^\s"\\]+) now`)
	word = regexp.MustCompile(`the word is (\w+)`)
)

// files keeps the two files that a coding agent's task is about.
func files(prompt, known string) string {
	if m := task.FindStringSubmatch(prompt); m != nil {
		return m[1] + "\n" + m[2]
	}
	return known
}

// work does a coding agent's task with two of its tools, a step an answer: it reads
// one file and writes what it saw there into another. What it writes it can only
// know from what the first tool returned.
func (a asked) work() reply {
	from, to, ok := strings.Cut(a.filename, "\n")
	if !ok {
		return reply{text: "There is no task."}
	}
	claude := a.kind == "messages"
	switch len(a.results) {
	case 0:
		read := tool{id: "call_1", name: "exec_command", input: `{"cmd":` + quote("cat "+from) + `}`}
		if claude {
			read = tool{id: "toolu_1", name: "Read", input: `{"file_path":` + quote(from) + `}`}
		}
		return reply{text: "I read the file first. ", tools: []tool{read}}
	case 1:
		saw := "nothing"
		if m := word.FindStringSubmatch(a.results[0]); m != nil {
			saw = m[1]
		}
		write := tool{id: "call_2", name: "apply_patch", custom: true,
			input: fmt.Sprintf("*** Begin Patch\n*** Add File: %s\n+%s\n*** End Patch\n", filepath.Base(to), saw)}
		if claude {
			write = tool{id: "toolu_2", name: "Write", input: fmt.Sprintf(`{"file_path":%s,"content":%s}`, quote(to), quote(saw+"\n"))}
		}
		return reply{tools: []tool{write}}
	}
	return reply{text: "The task is finished."}
}
