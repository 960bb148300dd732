package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// shellDangers are commands that destroy, run what nobody read, or switch protection
// off.
var shellDangers = []danger{
	{"rm -", remove}, {"rm --", remove},
	{"rd /s", windowsRoot}, {"rmdir /s", windowsRoot}, {"del /", windowsRoot}, {"remove-item", windowsRoot},
	{"find /", findDelete}, {"find ~", findDelete}, {"find $home", findDelete},
	{"dd if=", overwrite}, {"dd of=", overwrite}, {"mkfs", format}, {"shred ", onDevice(.85)}, {"wipefs", onDevice(.8)},
	{"> /dev/sd", device(.92)}, {">/dev/sd", device(.92)}, {"> /dev/nvme", device(.92)}, {"> /dev/hda", device(.92)},
	then("mv ~", .9, "/dev/null"), then("mv /", .8, " /dev/null"),
	fixed(":(){", .95), fixed(":() {", .95), fixed("%0|%0", .9), then("os.fork()", .85, "while"), with("while true", .85, []string{"fork()"}),
	then("format c:", .8, ""), fixed("vssadmin delete shadows", .97), fixed("wbadmin delete catalog", .95), fixed("diskpart", .2),
	fixed("cipher /w:c", .7), then("bcdedit /set", .9, "recoveryenabled no", "ignoreallfailures"),
	{"curl ", download}, {"wget ", download}, {"fetch -o -", download}, {"iwr http", downloadWindows}, {"irm http", downloadWindows}, {"iwr -", downloadWindows}, {"irm -", downloadWindows}, {"iwr '", downloadWindows}, {"irm '", downloadWindows},
	{"invoke-webrequest", downloadWindows}, {"invoke-restmethod", downloadWindows}, {"downloadstring(", downloadWindows},
	{"chmod ", loosen}, {"chown -r", ownRoot}, {"icacls ", everyone},
	fixed("setenforce 0", .6), fixed("ufw disable", .6), fixed("iptables -f", .6), fixed("iptables --flush", .6), fixed("nft flush ruleset", .6),
	{"systemctl stop", guardStopped}, {"systemctl disable", guardStopped}, {"systemctl mask", guardStopped}, {"service ", guardStopped}, {"pkill ", guardStopped}, {"killall ", guardStopped},
	then("set-mppreference", .92, "disablerealtimemonitoring $true", "disablerealtimemonitoring 1", "disableioavprotection", "disablebehaviormonitoring $true"),
	then("add-mppreference", .85, "exclusionpath c:\\", "exclusionpath 'c:\\", "exclusionpath \"c:\\", "exclusionextension"),
	then("netsh advfirewall", .85, "state off"), then("sc stop", .9, "windefend", "sense", "mpssvc"), then("sc config", .9, "windefend"),
	fixed("csrutil disable", .7), fixed("spctl --master-disable", .7), fixed("auditctl -d", .6), fixed("disableantispyware", .7),
	then("bypass -", .2, "file"), fixed("wevtutil cl", .9), fixed("clear-eventlog", .75),
	fixed("history -c", .6), fixed("unset histfile", .75), fixed("histfile=/dev/null", .8), fixed("histsize=0", .6),
	then("ln -sf /dev/null", .9, "history"), {".bash_history", wiped}, {".zsh_history", wiped}, {"/var/log/", wiped},
	then("truncate -s 0", .7, "/var/log", "history"), then("git push", .3, "--force"), fixed("--no-preserve-root", .95),
	then("kubectl delete", .6, "--all --all-namespaces", "namespaces --all", "ns --all", "all --all -a"), then("terraform destroy", .35, "-auto-approve"),
	then("docker run", .6, "-v /:/"), then("echo", .9, "| sudo tee /etc/sudoers", ">> /etc/sudoers"), then("nopasswd:", .6, "all"),
	then("aws s3 rb", .6, "--force"), then("drop database", .3, ";"), then("flushall", .3, ""),
}

// remove weighs what rm is told to delete.
func remove(c *code, h guard.Hit) (int, float64) {
	if !wordStart(c.s, h.Start) {
		return 0, 0
	}
	line := command("-" + c.rest(h))
	recursive, best := false, 0.0
	for _, arg := range strings.Fields(line) {
		arg = strings.Trim(arg, "\"'`\\,)}]")
		if strings.HasPrefix(arg, "-") {
			recursive = recursive || strings.HasPrefix(arg, "--recursive") || !strings.HasPrefix(arg, "--") && strings.ContainsAny(arg, "rR")
			continue
		}
		best = max(best, target(arg))
	}
	if !recursive {
		best = min(best, .3)
	}
	if best == 0 {
		return 0, 0
	}
	return h.End + len(line) - 1, best
}

// command cuts a line where its first command ends.
func command(line string) string {
	for _, stop := range []string{";", "&&", "||", "|", "\\n", "#", "```", "` "} {
		if i := strings.Index(line, stop); i > 0 {
			line = line[:i]
		}
	}
	return line
}

// system are folders without which a machine does not work.
var system = map[string]bool{"/etc": true, "/usr": true, "/bin": true, "/sbin": true, "/lib": true, "/lib64": true, "/boot": true, "/var": true, "/home": true, "/root": true,
	"/dev": true, "/proc": true, "/sys": true, "/opt": true, "/usr/bin": true, "/usr/lib": true, "/usr/local": true, "/system": true, "/library": true, "/users": true, "/var/lib": true, "/mnt": true, "/data": true,
	"c:": true, "c:/windows": true, "c:/users": true, "c:/windows/system32": true, "%systemroot%": true, "%userprofile%": true, "$env:userprofile": true, "$env:systemroot": true}

// target is how bad it is to delete a path with all that is in it.
func target(path string) float64 {
	path = strings.ReplaceAll(path, "\\", "/")
	whole := strings.TrimSuffix(strings.TrimSuffix(path, "/*"), "/.*")
	whole = strings.Trim(whole, "\"'")
	if whole != "/" {
		whole = strings.TrimSuffix(whole, "/")
	}
	switch {
	case whole == "" && path != "" || whole == "/" || path == "/*":
		return .95
	case system[whole]:
		return .9
	case whole == "~" || whole == "$home" || whole == "${home}" || whole == "~/.ssh" || whole == "$home/.ssh":
		return .9
	case strings.HasPrefix(path, "/$") || strings.HasPrefix(path, "/${"):
		return .6
	// A variable that is empty leaves the root.
	case strings.HasPrefix(path, "$") && (strings.HasSuffix(path, "/*") || strings.HasSuffix(path, "/")) && !strings.Contains(path, ":?") && strings.Count(path, "/") == 1 && !strings.HasPrefix(path, "$(") && !tempDir(path):
		return .55
	case path == "*" || path == "./*" || path == "..":
		return .4
	}
	return 0
}

// tempDir reports variables that hold the name of a folder made for a while.
func tempDir(v string) bool {
	return containsAny(v, []string{"tmp", "temp", "build", "cache", "out", "dist", "work"})
}

func windowsRoot(c *code, h guard.Hit) (int, float64) {
	line := command(c.rest(h))
	if strings.HasPrefix(c.s[h.Start:], "del") && !strings.Contains(line, "s") {
		return 0, 0
	}
	deep := !strings.EqualFold(c.s[h.Start:min(len(c.s), h.Start+11)], "remove-item") || strings.Contains(line, "-rec")
	best := 0.0
	for _, arg := range strings.Fields(line) {
		arg = strings.Trim(arg, "\"',;)")
		arg = strings.TrimSuffix(strings.TrimSuffix(arg, "*.*"), "*")
		if len(arg) > 1 {
			best = max(best, target(strings.TrimSuffix(strings.ReplaceAll(arg, "\\\\", "\\"), "\\")))
		}
	}
	if !deep {
		best = min(best, .3)
	}
	return worth(h, best)
}

func findDelete(c *code, h guard.Hit) (int, float64) {
	line := c.rest(h)
	where := strings.TrimLeft(c.s[h.End-1:min(len(c.s), h.End+24)], " ")
	root := strings.HasPrefix(where, "/ ") || where[:1] == "~" || strings.HasPrefix(line, " -") && c.s[h.End-1] != '/'
	if !strings.Contains(line, "-delete") && !strings.Contains(line, "-exec rm") {
		return 0, 0
	}
	if root && !containsAny(line, []string{"-name", "-mtime", "-iname", "-newer", "-size"}) {
		return worth(h, .9)
	}
	return worth(h, .3)
}

// overwrite weighs dd by where it writes to and what.
func overwrite(c *code, h guard.Hit) (int, float64) {
	line := text2(c, h)
	if !containsAny(line, []string{"of=/dev/sd", "of=/dev/nvme", "of=/dev/hd", "of=/dev/disk", "of=/dev/vd", "of=/dev/mmcblk", "of=\\\\.\\physicaldrive"}) {
		return 0, 0
	}
	if containsAny(line, []string{"if=/dev/zero", "if=/dev/urandom", "if=/dev/random"}) {
		return worth(h, .9)
	}
	return worth(h, .4) // an image written to a stick
}

// text2 is the hit with the rest of its line.
func text2(c *code, h guard.Hit) string {
	return strings.ToLower(c.s[h.Start:h.End]) + c.rest(h)
}

func format(c *code, h guard.Hit) (int, float64) {
	line := c.rest(h)
	if !strings.Contains(line, "/dev/") || !wordStart(c.s, h.Start) {
		return 0, 0
	}
	if containsAny(line, []string{"/dev/sda", "/dev/nvme0n1 ", "/dev/hda", "/dev/vda", "/dev/disk0"}) {
		return worth(h, .75)
	}
	return worth(h, .45)
}

func onDevice(p float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		line := command(c.rest(h))
		if containsAny(line, []string{"/dev/sd", "/dev/nvme", "/dev/hd", "/dev/disk"}) {
			return worth(h, p)
		}
		return 0, 0
	}
}

func device(p float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) { return worth(h, p) }
}

// shells run what is piped into them.
var shells = []string{"sh", "bash", "zsh", "dash", "ksh", "python", "python3", "perl", "ruby", "node", "php", "iex", "pwsh", "fish"}

// download weighs a download that is run unread.
func download(c *code, h guard.Hit) (int, float64) {
	if !wordStart(c.s, h.Start) {
		return 0, 0
	}
	line := c.rest(h)
	from, _ := c.line(h.Start, 60)
	before := strings.ToLower(strings.TrimRight(c.s[from:h.Start], " "))
	run := strings.HasSuffix(before, "$(") && containsAny(before, []string{"sh -c", "eval", "source "}) || strings.HasSuffix(before, "<(") || strings.HasSuffix(before, "`") && containsAny(before, []string{"sh -c", "eval"})
	for rest := line; !run; {
		_, after, ok := strings.Cut(rest, "|")
		if !ok {
			break
		}
		if words := strings.Fields(strings.Replace(after, "|", " | ", 1)); len(words) > 0 {
			w := words[0]
			for i := 1; i < len(words) && (w == "sudo" || strings.HasPrefix(w, "-") || w == "env"); i++ {
				w = words[i]
			}
			run = isShell(strings.Trim(w, "\"'`);\\,}"))
		}
		rest = after
	}
	if !run {
		if p := sentAway(line); p > 0 {
			return worth(h, p)
		}
		if containsAny(" "+line, []string{" -k ", " --insecure", "--no-check-certificate"}) {
			return worth(h, .3)
		}
		return 0, 0
	}
	return worth(h, source(line))
}

// isShell reports whether a command is one of shells, by any path.
func isShell(w string) bool {
	w = w[strings.LastIndexByte(w, '/')+1:]
	for _, s := range shells {
		if w == s {
			return true
		}
	}
	return false
}

// installers are hosts whose own instructions are to run their script.
var installers = []string{"raw.githubusercontent.com/homebrew/", "raw.githubusercontent.com/nvm-sh/", "raw.githubusercontent.com/ohmyzsh/", "raw.githubusercontent.com/helm/", "raw.githubusercontent.com/creationix/nvm", "raw.githubusercontent.com/pyenv/", "sh.rustup.rs", "get.docker.com", "install.python-poetry.org", "deb.nodesource.com", "rpm.nodesource.com", "get.helm.sh", "astral.sh", "ollama.com", "ollama.ai", "bun.sh", "deno.land", "get.k3s.io", "tailscale.com", "starship.rs", "pyenv.run", "get.sdkman.io", "get.pnpm.io", "fly.io", "cli.run.nu", "bootstrap.pypa.io", "get.volta.sh", "install.duckdb.org", "sdk.cloud.google.com", "dl.google.com", "aka.ms", "get.pulumi.com", "get.rvm.io", "getcomposer.org", "get-ghcup.haskell.org", "nixos.org", "determinate.systems", "packages.microsoft.com", "apt.releases.hashicorp.com", "ghcr.io", "claude.ai/install.sh", "install.meteor.com", "sh.vector.dev", "linkerd.io", "run.linkerd.io", "istio.io", "get.jenv.be", "yarnpkg.com", "chocolatey.org", "community.chocolatey.org", "get.scoop.sh", "mise.run", "just.systems", "toolbelt.heroku.com", "cli-assets.heroku.com", "scoop.sh"}

// source weighs where a script that is run unread comes from.
func source(line string) float64 {
	switch {
	case containsAny(line, installers):
		return .5
	case containsAny(line, []string{"pastebin.com", "paste.ee", "transfer.sh", "bit.ly", "tinyurl", "ngrok", "webhook.site", ".onion", "discord", "0x0.st", "ix.io", "gist."}), strings.Contains(line, "http://") && !strings.Contains(line, "http://localhost") && !strings.Contains(line, "http://127."), bareAddress(line):
		return .9
	}
	return .7
}

// bareAddress reports a number instead of a name behind ://.
func bareAddress(line string) bool {
	_, rest, ok := strings.Cut(line, "://")
	n := take(rest, 0, 15, chars("0-9."))
	return ok && n >= 7 && strings.Count(rest[:n], ".") == 3 && !strings.HasPrefix(rest, "127.") && !strings.HasPrefix(rest, "10.") && !strings.HasPrefix(rest, "192.168.")
}

func downloadWindows(c *code, h guard.Hit) (int, float64) {
	around := c.near(h, 160, 240)
	if !containsAny(around, []string{"iex", "invoke-expression", "| powershell", "start-process"}) {
		return 0, 0
	}
	return worth(h, source(around))
}

// loosen weighs chmod.
func loosen(c *code, h guard.Hit) (int, float64) {
	line := command(c.rest(h))
	words := strings.Fields(line)
	all := containsAny(" "+line, []string{" 777", " 0777", " a+rwx", " ugo+rwx", " 666"})
	deep := containsAny(" "+line, []string{" -r", " --recursive"})
	p := 0.0
	for _, w := range words {
		if t := target(strings.Trim(w, "\"'`,")); all && deep && t >= .9 {
			return worth(h, .9)
		}
	}
	if all {
		p = .3
	}
	if containsAny(line, []string{"u+s ", "+s ", "4755 ", "4777 "}) && containsAny(line, []string{"/bin/bash", "/bin/sh", "bash", "/python"}) {
		p = .9
	}
	return worth(h, p)
}

func ownRoot(c *code, h guard.Hit) (int, float64) {
	for _, w := range strings.Fields(command(c.rest(h))) {
		if t := target(w); t >= .95 {
			return worth(h, .7)
		}
	}
	return 0, 0
}

func everyone(c *code, h guard.Hit) (int, float64) {
	line := c.rest(h)
	if containsAny(line, []string{"everyone:f", "everyone:(oi)(ci)f"}) && containsAny(line, []string{"c:\\ ", "c:\\windows", "c:\\\\windows"}) {
		return worth(h, .8)
	}
	return 0, 0
}

// protectors are services that watch over a machine.
var protectors = []string{"auditd", "firewalld", "apparmor", "falcon", "crowdstrike", "clamav", "fail2ban", "sshguard", "ossec", "wazuh", "osqueryd", "mdatp", "selinux", "sysmon", "rsyslog", "sentinelone", "carbonblack", "ufw", "cbdaemon"}

func guardStopped(c *code, h guard.Hit) (int, float64) {
	line := command(c.rest(h))
	if strings.EqualFold(c.s[h.Start:h.End], "service") && !strings.Contains(line, " stop") || !containsAny(line, protectors) {
		return 0, 0
	}
	return worth(h, .75)
}

// wiped weighs commands that empty a record of what happened.
func wiped(c *code, h guard.Hit) (int, float64) {
	from, to := c.line(h.Start, 160)
	if !c.purse.pay(2) {
		return 0, 0
	}
	before := strings.ToLower(c.s[from:h.Start])
	after := strings.ToLower(c.s[h.End:to])
	log := c.s[h.Start] == '/'
	name := after[:take(after, 0, 24, word64)]
	if log && !containsAny(name, []string{"auth", "secure", "wtmp", "btmp", "lastlog", "audit", "syslog", "messages"}) && name != "" {
		return 0, 0
	}
	switch {
	case containsAny(before, []string{"shred ", "> ~/", ">~/", "cat /dev/null >"}), strings.HasSuffix(strings.TrimRight(before, "~/ "), ">") && !strings.HasSuffix(strings.TrimRight(before, "~/ "), ">>"):
		return worth(h, .8)
	case containsAny(before, []string{"rm -", "rm ~", "rm /", "unlink("}):
		return worth(h, .7)
	}
	return 0, 0
}
