package train

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Page writes reports as one page of HTML that needs nothing else.
func Page(w io.Writer, reports []Report) error { return pageTemplate.Execute(w, reports) }
