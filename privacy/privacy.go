// Package privacy holds the rights of the people whose data goes through the gate.
package privacy

import "embed"

// Migrations is the schema of this room.
//
//go:embed migrations/*.sql
var Migrations embed.FS
