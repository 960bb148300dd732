package storetest

import "syscall"

// dieWithParent keeps a test binary that is killed from leaving a server behind.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }
