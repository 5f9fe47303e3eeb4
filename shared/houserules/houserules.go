// Package houserules holds the rules of this repository that the compiler does not know, as tests: who may import
// whom and why, that every package says what it is for, that no fixture holds a credential, and that the catalogue of
// events and the operators' guide are complete. Nothing imports it.
package houserules
