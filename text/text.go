// Package text gives one view of a text and the way back: normalised views
// with maps to the original offsets.
package text
