//go:build !linux

package storetest

import "syscall"

// dieWithParent needs the kernel's help, which only Linux offers.
func dieWithParent(*syscall.SysProcAttr) {}
