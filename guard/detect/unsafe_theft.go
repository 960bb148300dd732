package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// secretDangers are commands that read what opens other doors. Reading alone may be
// maintenance; reading and sending is theft.
var secretDangers = []danger{
	{".ssh/id_", stolen(.45)}, {".aws/credentials", stolen(.35)}, {"/etc/shadow", stolen(.45)}, {".netrc", stolen(.3)}, {".git-credentials", stolen(.4)},
	{".docker/config.json", stolen(.3)}, {".kube/config", stolen(.25)}, {".gnupg/", stolen(.3)}, {"login data", stolen(.45)}, {"cookies.sqlite", stolen(.45)},
	{"logins.json", stolen(.45)}, {"key4.db", stolen(.45)}, {"wallet.dat", stolen(.4)}, {"application_default_credentials", stolen(.3)}, {"/proc/self/environ", stolen(.5)},
	{".npmrc", stolen(.2)}, {".pypirc", stolen(.25)}, {".bash_history", stolen(.25)}, {"local state", stolen(.2)}, {"metamask", stolen(.2)}, {"exodus", stolen(.15)},
	{"security find-generic-password", stolen(.5)}, {"security dump-keychain", stolen(.7)}, {"login.keychain", stolen(.45)}, {"secretstorage", stolen(.2)},
	fixed("mimikatz", .75), fixed("sekurlsa::", .95), fixed("lsadump::", .95), then("procdump", .9, "lsass"), then("comsvcs.dll", .95, "minidump", "#24"), then("reg save hklm", .93, "\\sam", "\\system", "\\security"),
	then("ntdsutil", .9, "ifm"), fixed("ntds.dit", .6), fixed("169.254.169.254/latest/meta-data/iam", .6), fixed("metadata.google.internal/computemetadata", .4),
	{"printenv", environment}, {"env |", environment}, {"process.env)", environment}, {"os.environ)", environment}, {"dict(os.environ", environment}, {"env::vars()", environment},
	{"pynput", typed2}, {"keyboard.on_press", typed2}, {"getasynckeystate", typed2},
}

// senders carry a file or a value to another machine.
var senders = []string{"curl -d", "curl -f ", "curl --data", "curl -x post", "--data-binary", "-d @", "-f file=@", "--upload-file", "curl -t", "requests.post", "httpx.post", "urlopen(", "http.post", "fetch('http", "fetch(\"http", "fetch(`http", "axios.post", "wget --post", "| nc ", "|nc ", "| ncat", "scp ", "sftp ", "rsync ", "invoke-restmethod", "invoke-webrequest", "uploadstring", "uploadfile", "sendmail", "smtplib", "discord.com/api/webhooks", "api.telegram.org", "webhook.site", "socket.send", ".sendall(", "net.dial", "| curl", "|curl", "xmlhttprequest", "navigator.sendbeacon", "postasync(", "nslookup ", "dig "}

// stolen weighs the name of a file that opens other doors: at most alone when it is
// read, more when it is sent, nothing when it is only named.
func stolen(alone float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		around := c.near(h, 220, 320)
		if containsAny(around, senders) && !containsAny(around, []string{"ssh-copy-id", "ssh -i", "scp -i", "rsync -e"}) {
			return worth(h, .92)
		}
		if containsAny(c.near(h, 40, 0), []string{"cat ", "open(", "readfile", "get-content", "type ", "less ", "base64 ", "cp ", "strings "}) {
			return worth(h, alone)
		}
		return 0, 0
	}
}

// sentAway weighs a download command that uploads what opens other doors.
func sentAway(line string) float64 {
	files := []string{"@~/.ssh", "@/etc/passwd", "@/etc/shadow", "@$home/.ssh", "@~/.aws", "@.env", "@~/.kube", "$(cat ~/.ssh", "$(cat ~/.aws", "$(cat /etc/", "$(env", "$(printenv", "`cat /etc", "`cat ~/."}
	if containsAny(line, files) {
		return .92
	}
	return 0
}

// environment weighs a program's surroundings, which hold its keys, being sent away.
func environment(c *code, h guard.Hit) (int, float64) {
	if containsAny(c.near(h, 220, 220), senders) {
		return worth(h, .88)
	}
	return 0, 0
}

// typed2 weighs what listens to every key being sent away.
func typed2(c *code, h guard.Hit) (int, float64) {
	around := c.near(h, 400, 900)
	if containsAny(around, senders) || containsAny(around, []string{"smtp", "requests.", "socket."}) {
		return worth(h, .9)
	}
	return worth(h, .3)
}

// shellBackDangers open a shell for somebody elsewhere.
var shellBackDangers = []danger{
	{"/dev/tcp/", devTCP}, {"/dev/udp/", devTCP}, {"nc -", netcat}, {"ncat -", netcat}, {"nc ", netcat}, {"netcat ", netcat}, {"mkfifo", withShell(.93, "nc ", "ncat", "telnet", "openssl s_client")},
	{"socket.socket", withShell(.95, "dup2", "pty.spawn")}, {"pty.spawn(", withShell(.9, "connect(", "socket")}, {"socat", socat}, {"fsockopen(", withShell(.93, "/bin/sh", "/bin/bash", "cmd.exe", "proc_open", "shell_exec")},
	{"tcpsocket.", withShell(.9, "/bin/sh", "/bin/bash", "io.popen", "exec ")}, {"use socket", withShell(.95, "/bin/sh", "/bin/bash", "exec{", "exec(")}, {"perl -e", withShell(.9, "socket", "/inet/")},
	{"sockets.tcpclient", withShell(.95, "iex ", "invoke-expression", "getstream", "cmd.exe", "powershell")}, {"net.dial(", withShell(.9, "exec.command(\"/bin/sh", "exec.command(\"cmd", "exec.command(\"/bin/bash", "exec.command(\"sh\"")},
	{"new socket(", withShell(.9, "/bin/sh", "/bin/bash", "cmd.exe", "cmd.exec")}, {"net.socket(", withShell(.9, "child_process", "/bin/sh")}, {"net.connect(", withShell(.9, "child_process", "/bin/sh", "spawn(")},
	{"/inet/tcp/", withShell(.9, "getline", "|&")}, {"openssl s_client", withShell(.9, "/bin/sh", "/bin/bash")}, {"telnet ", withShell(.85, "| /bin/sh", "| /bin/bash", "|/bin/sh")},
	then("msfvenom", .8, "reverse", "meterpreter", "bind_tcp"), fixed("meterpreter/reverse", .85), then("powershell", .75, "-enc ", "-encodedcommand", "-e jab"),
	then("crontab", .75, "/dev/tcp", "| sh", "|sh", "| bash", "|bash"), then("authorized_keys", .3, ""),
}

// devTCP weighs a shell's own way to open a connection.
func devTCP(c *code, h guard.Hit) (int, float64) {
	around := c.near(h, 120, 120)
	if containsAny(around, []string{"0>&1", "<&1", "bash -i", "sh -i", "exec 5<>", "exec 3<>", "<&3", "<&5", "1>&0"}) {
		return worth(h, .97)
	}
	// Whether a port is open is asked the same way.
	return worth(h, .3)
}

// netcat weighs what it gives the other side to run.
func netcat(c *code, h guard.Hit) (int, float64) {
	if !wordStart(c.s, h.Start) {
		return 0, 0
	}
	line := text2(c, h)
	if containsAny(line, []string{" -e /bin", " -e sh", " -e bash", " -e cmd", " -c /bin", " -c bash", "--exec", "--sh-exec", "-e /usr/bin", "-ne /bin", "-nve /bin", "-lve", "-lvpe", "e /bin/sh", "e /bin/bash", "e cmd.exe"}) {
		return worth(h, .95)
	}
	from, _ := c.line(h.Start, 160)
	if before := strings.ToLower(c.s[from:h.Start]); strings.HasSuffix(strings.TrimRight(before, " "), "|") && containsAny(before, []string{"/bin/sh", "/bin/bash"}) {
		return worth(h, .93)
	}
	return 0, 0
}

func socat(c *code, h guard.Hit) (int, float64) {
	line := c.rest(h)
	if strings.Contains(line, "tcp") && containsAny(line, []string{"exec:'bash", "exec:bash", "exec:/bin", "exec:\"bash", "exec:sh", "exec:cmd", "system:"}) {
		return worth(h, .93)
	}
	return 0, 0
}

// withShell weighs a connection to elsewhere in company of a shell.
func withShell(p float64, company ...string) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		around := c.near(h, 200, 700)
		if !containsAny(around, company) || !containsAny(around, []string{"/bin/sh", "/bin/bash", "cmd.exe", "powershell", "iex", "invoke-expression", "\"sh\"", "'sh'", "bash", "shell", "getstream"}) {
			return 0, 0
		}
		return worth(h, p)
	}
}
