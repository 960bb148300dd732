// Package privacy keeps an organisation's data where it may be: it knows how sensitive a
// text is, what a provider does with what it is sent, and who agreed to that.
//
// [Labels] are four names in a fixed order. [Labels.Parse] takes the name that a caller, a
// document system or a mail program uses; [Labels.Marking] finds what a document says of
// itself. A [Profile] is what a provider does with data; [Profile.Ceiling] is the highest
// label that may go there, and what nobody stated counts as the worst. [Conversations]
// remember the highest label that a conversation had. [Profiles] remember which profile of
// each provider was agreed to, so that a changed one serves nobody until somebody has.
//
// [Subjects] seal what policy keeps under the keys of those whom it is about, find it, and
// erase people by destroying their keys, with a [Certificate]; a [Hold] forbids that.
//
// Conversations and subjects are known by keyed hashes alone.
//
// This package's API may change.
package privacy

import "embed"

// Migrations is the schema of this room.
//
//go:embed migrations/*.sql
var Migrations embed.FS
