package main

type privacyCommand struct {
	Notice privacyNotice `cmd:"" help:"What becomes of the data of those who use a system, as the configuration has it."`
}
