// Package privacy holds the rights of the people whose data goes through the gate.
package privacy
