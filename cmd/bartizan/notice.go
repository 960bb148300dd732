package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bartizan-ai/bartizan/privacy"
)

type privacyNotice struct {
	configFlag
	System  string `help:"Name of the system; left out: all." placeholder:"NAME"`
	Records bool   `help:"The records of processing activities (GDPR, Article 30) instead; text is CSV."`
	Output  string `short:"o" enum:"text,json" default:"text" help:"text or json."`
}

// Help is shown by -h.
func (privacyNotice) Help() string {
	return "Example:\n  bartizan privacy notice --system support-bot -c bartizan.yaml > notice.md\n\nThe notice is made of the configuration in force: what is collected, why, where it goes, how long it stays, who sees it, how to object. As text it is Markdown. Its version changes with everything that it says."
}

// Run implements the command.
func (c *privacyNotice) Run(s *streams) error {
	ctx := context.Background()
	d, err := c.desk(ctx)
	if err != nil {
		return err
	}
	defer d.close()
	var list []privacy.Notice
	if d.app != nil {
		list, err = d.app.Desk().Notices(d.actor, c.System)
	} else {
		err = d.call(ctx, http.MethodGet, "/notices?"+url.Values{"system": {c.System}}.Encode(), nil, &list)
	}
	if err != nil {
		return err
	}
	if c.Records {
		return c.records(s, list)
	}
	for i := range list {
		if c.Output == "json" {
			err = printJSON(s, list[i])
		} else {
			_, err = fmt.Fprintln(s.out, list[i].Markdown())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// records writes the records of processing activities.
func (c *privacyNotice) records(s *streams, list []privacy.Notice) error {
	w := csv.NewWriter(s.out)
	if c.Output == "text" {
		if err := w.Write([]string{"activity", "notice_version", "contact", "purposes", "categories_of_persons", "categories_of_data", "categories_of_recipients", "transfers", "time_limits", "security_measures"}); err != nil {
			return err
		}
	}
	for i := range list {
		p := list[i].Processing()
		if c.Output == "json" {
			if err := printJSON(s, p); err != nil {
				return err
			}
			continue
		}
		row := []string{p.Activity, p.Version, p.Controller, p.Purposes, p.Persons}
		for _, many := range [][]string{p.Data, p.Recipients, p.Transfers, p.Limits, p.Measures} {
			row = append(row, strings.Join(many, "; "))
		}
		for j := range row {
			row[j] = harmless(row[j])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// harmless keeps a cell from being run as a formula by a spreadsheet.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
