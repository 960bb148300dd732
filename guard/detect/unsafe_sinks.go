package detect

import (
	"strings"

	"github.com/bartizan-ai/bartizan/guard"
)

// sinkDangers are places where what a request brought is run, asked or shown.
var sinkDangers = []danger{
	{"select ", query}, {"insert into", query}, {"update ", query}, {"delete from", query}, {"drop table", query},
	{"os.system(", sink(.35)}, {"os.popen(", sink(.35)}, {"shell=true", shellTrue}, {"eval(", sink(.25)}, {"exec(", sink(.25)}, {"execsync(", sink(.35)},
	{"system(", sink(.25)}, {"shell_exec(", sink(.35)}, {"passthru(", sink(.35)}, {"popen(", sink(.3)}, {"proc_open(", sink(.3)}, {"new function(", sink(.35)},
	{"getruntime().exec(", sink(.35)}, {"processbuilder(", sink(.2)}, {"exec.command(\"sh\"", sink(.35)}, {"exec.command(\"bash\"", sink(.35)}, {"process.start(", sink(.2)}, {"include($_", sink(.6)}, {"require($_", sink(.6)},
	{"runinnewcontext(", sink(.3)}, {"runinthiscontext(", sink(.3)}, {"settimeout(\"", sink(.2)},
	{"pickle.load", unpickle}, {"dill.load", unpickle}, {"marshal.loads(", sink(.3)}, {"yaml.load(", yamlLoad}, {"unserialize(", sink(.35)}, {"objectinputstream(", sink(.3)}, {"jsonpickle.decode(", sink(.4)}, {"binaryformatter", sink(.5)}, {"marshal.load(", sink(.3)}, {"shelve.open(", sink(.1)},
	{"innerhtml =", markup}, {"innerhtml=", markup}, {"innerhtml +=", markup}, {"outerhtml =", markup}, {"document.write(", markup}, {"insertadjacenthtml(", markup}, {"dangerouslysetinnerhtml", markup}, {".html(", markup}, {"v-html=", fixedSink(.25)}, {"bypasssecuritytrusthtml", fixedSink(.45)},
	{"render_template_string(", template}, {"template(", template}, {"from_string(", template}, {"mark_safe(", template}, {"markup(", template}, {"autoescape=false", fixedSink(.5)},
	{"md5(", weakHash}, {"sha1(", weakHash}, {"0o777", fixedSink(.3)}, {", 0777", fixedSink(.3)}, {"debug=true", debug}, {"allow_origins=[\"*\"]", fixedSink(.25)}, {"algorithms=[\"none\"]", fixedSink(.75)}, {"algorithm: 'none'", fixedSink(.75)}, {"verify_signature\": false", fixedSink(.6)}, {"verify_signature': false", fixedSink(.6)},
}

func fixedSink(p float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) { return worth(h, p) }
}

// inputs are where a program gets what strangers send.
var inputs = []string{"request.", "req.query", "req.params", "req.body", "req.headers", "req.cookies", "req.url", "req.form", "$_get", "$_post", "$_request", "$_cookie", "params[", "params.get", "params.require", "input(", "url.query()", "formvalue(", "getparameter(", "query.get(", "args.get(", "form[", "form.get(", "querystring", "location.search", "location.hash", "location.href", "window.name", "document.referrer", "event.data", "user_input", "userinput", "user_data", "body.", "ctx.query", "c.query(", "c.param(", "gets.", "sys.argv", "process.argv", "flask.request", "scanner.next", "readline(", "message.content", "untrusted", "postmessage"}

// argument is what stands between the brackets behind the hit, at most 200 bytes.
func (c *code) argument(h guard.Hit) string {
	if !c.purse.pay(3) {
		return ""
	}
	depth := 1
	for i := h.End; i < len(c.s) && i < h.End+200; i++ {
		switch c.s[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return strings.ToLower(c.s[h.End:i])
			}
		}
	}
	return strings.ToLower(c.s[h.End:min(len(c.s), h.End+200)])
}

// constant reports whether an argument is one string in quotes, or empty.
func constant(arg string) bool {
	arg = strings.TrimSpace(strings.ReplaceAll(arg, `\"`, `"`))
	if arg == "" {
		return true
	}
	q := arg[0]
	if q != '"' && q != '\'' {
		return false
	}
	n := strings.IndexByte(arg[1:], q)
	if n < 0 {
		return false
	}
	rest := strings.TrimLeft(arg[n+2:], " ")
	return rest == "" || rest[0] == ','
}

// built reports whether a string is put together from parts.
func built(arg string) bool {
	return containsAny(arg, []string{"\" +", "' +", "+ \"", "+ '", "\"+", "'+", "+\"", "+'", "f\"", "f'", "${", "#{", ".format(", "\" %", "' %", "sprintf", "\" . $", "' . $", "\".$", "'.$", "string.format", "$\"", "fmt.", "` +"})
}

// sink weighs a call that runs its argument: nothing for a constant, a little for a
// variable, much for a string built from parts, most when a stranger sent them.
func sink(variable float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		// re.exec(, cursor.exec( and the like are other things.
		if !wordStart(c.s, h.Start) {
			return 0, 0
		}
		if b := strings.ToLower(c.s[max(0, h.Start-12):h.Start]); strings.HasSuffix(b, ".") && !containsAny(b, []string{"os.", "child_process.", "cp.", "window.", "builtins.", "kernel.", "subprocess."}) && !strings.Contains(c.s[h.Start:h.End], ".") {
			return 0, 0
		}
		arg := c.argument(h)
		switch {
		case constant(arg):
			return 0, 0
		case containsAny(arg, inputs):
			return worth(h, .75)
		case built(arg):
			return worth(h, max(variable, .5))
		}
		// A variable that was filled from a request a few lines above.
		name := arg[:take(arg, 0, 32, word64)]
		if before := c.near(h, 300, 0); name != "" && containsAny(before, inputs) && (strings.Contains(before, name+" =") || strings.Contains(before, name+"=") || strings.Contains(before, name+" :=")) {
			return worth(h, .65)
		}
		return worth(h, variable)
	}
}

// shellTrue weighs a command that a shell reads, by how it was built.
func shellTrue(c *code, h guard.Hit) (int, float64) {
	before := c.near(h, 200, 0)
	if i := strings.LastIndex(before, "subprocess"); i >= 0 {
		before = before[i:]
	}
	switch {
	case containsAny(before, inputs):
		return worth(h, .75)
	case built(before):
		return worth(h, .6)
	}
	return worth(h, .25)
}

// query weighs SQL: a string that holds a verb and is put together from parts.
func query(c *code, h guard.Hit) (int, float64) {
	if !wordStart(c.s, h.Start) {
		return 0, 0
	}
	// A quote before it, and close: the verb begins a string of the program.
	open := strings.LastIndexAny(c.s[max(0, h.Start-160):h.Start], "\"'`\n;")
	if open < 0 || c.s[max(0, h.Start-160)+open] == ';' || c.s[max(0, h.Start-160)+open] == '\n' {
		return 0, 0
	}
	at := max(0, h.Start-160) + open
	q := c.s[at]
	interpolates := at > 0 && (c.s[at-1] == 'f' || c.s[at-1] == 'F' || c.s[at-1] == '$') || q == '`'
	first := take(c.s, at+1, 16, letters)
	if !sqlVerb[strings.ToLower(c.s[at+1:first])] || !c.purse.pay(4) {
		return 0, 0
	}
	tail := c.s[h.End:min(len(c.s), h.End+400)]
	end := strings.IndexByte(tail, q)
	for end > 0 && tail[end-1] == '\\' {
		next := strings.IndexByte(tail[end+1:], q)
		if next < 0 {
			return 0, 0
		}
		end += 1 + next
	}
	if end < 0 {
		return 0, 0
	}
	inside := tail[:end]
	if !isQuery(strings.ToLower(c.s[at+1:h.End] + inside)) {
		return 0, 0
	}
	after := strings.TrimLeft(strings.TrimPrefix(tail[end:min(len(tail), end+90)], string(q)), " \t")
	value := ""
	switch {
	case interpolates && (strings.Contains(inside, "{") && q != '`' || strings.Contains(inside, "${")):
		_, value, _ = strings.Cut(inside, "{")
	case q == '"' && strings.Contains(inside, "#{"):
		_, value, _ = strings.Cut(inside, "#{")
	case q == '"' && phpVariable(inside):
		_, value, _ = strings.Cut(inside, "$")
	case strings.HasPrefix(after, "+"), strings.HasPrefix(after, ". $"), strings.HasPrefix(after, ".$"), strings.HasPrefix(after, "%") && !strings.HasPrefix(after, "%%"), strings.HasPrefix(after, ".format("), strings.HasPrefix(after, "||"):
		value = after
	case strings.Contains(inside, "%s") && strings.Contains(strings.ToLower(c.s[max(0, at-24):at]), "sprintf("), strings.Contains(inside, "%s") && strings.Contains(strings.ToLower(c.s[max(0, at-24):at]), "string.format("):
		value = after
	default:
		return 0, 0
	}
	value = strings.ToLower(value)
	// Names of tables and lists of placeholders cannot be bound.
	if containsAny(value, []string{"placeholders", "table", "columns", "\", \".join", "\",\".join", "join(", "schema", "quoteident", "quote_ident", "escape", "int("}) {
		return h.End + end, .25
	}
	if containsAny(value, inputs) || containsAny(c.near(h, 400, 0), inputs) {
		return h.End + end, .8
	}
	return h.End + end, .6
}

var sqlVerb = map[string]bool{"select": true, "insert": true, "update": true, "delete": true, "drop": true, "where": true, "with": true, "replace": true, "alter": true, "exec": true}

// isQuery tells SQL from a sentence that begins with the same word.
func isQuery(q string) bool {
	for _, need := range [][2]string{{"select", " from "}, {"insert", " into "}, {"update", " set "}, {"delete", " from "}, {"drop", " "}, {"alter", " table "}, {"replace", " into "}, {"with", " select "}, {"exec", " "}, {"where", "="}} {
		if strings.HasPrefix(q, need[0]) {
			return strings.Contains(q, need[1])
		}
	}
	return false
}

// phpVariable reports a variable inside a string, as PHP and Perl put them.
func phpVariable(s string) bool {
	i := strings.IndexByte(s, '$')
	return i >= 0 && i+1 < len(s) && (letters[s[i+1]] || s[i+1] == '_')
}

// unpickle weighs objects read from bytes that a stranger may have written.
func unpickle(c *code, h guard.Hit) (int, float64) {
	arg := c.argument(guard.Hit{Start: h.Start, End: min(len(c.s), take(c.s, h.End, 2, letters)+1)})
	if containsAny(arg, inputs) || containsAny(arg, []string{"recv(", "data", "payload", "cookie", "b64decode", "body", "response", "requests.get"}) {
		return worth(h, .7)
	}
	return worth(h, .25)
}

// yamlLoad weighs the loader that builds any object.
func yamlLoad(c *code, h guard.Hit) (int, float64) {
	arg := c.argument(h)
	switch {
	case strings.Contains(arg, "safe") || strings.Contains(arg, "json_schema") || strings.Contains(arg, "baseloader"):
		return 0, 0
	case strings.Contains(arg, "loader=yaml.loader") || strings.Contains(arg, "unsafeloader") || strings.Contains(arg, "fullloader") && containsAny(arg, inputs):
		return worth(h, .6)
	case containsAny(arg, inputs):
		return worth(h, .65)
	case strings.Contains(arg, "loader"):
		return worth(h, .3)
	}
	return worth(h, .4)
}

// markup weighs text that a page takes for markup.
func markup(c *code, h guard.Hit) (int, float64) {
	line := c.rest(h)
	if stop := strings.IndexByte(line, ';'); stop > 0 {
		line = line[:stop]
	}
	switch {
	case containsAny(line, []string{"sanitize", "dompurify", "escape", "encode"}):
		return 0, 0
	case containsAny(line, inputs):
		return worth(h, .7)
	case containsAny(line, []string{"${", "' +", "\" +", "'+", "\"+"}):
		return worth(h, .4)
	}
	return 0, 0
}

// template weighs a template whose text comes from a request.
func template(c *code, h guard.Hit) (int, float64) {
	if arg := c.argument(h); !constant(arg) && containsAny(arg, inputs) {
		return worth(h, .72)
	} else if strings.EqualFold(c.s[h.Start:h.End], "render_template_string(") && built(arg) {
		return worth(h, .65)
	}
	return 0, 0
}

// weakHash weighs hashes that are no match for passwords.
func weakHash(c *code, h guard.Hit) (int, float64) {
	if containsAny(c.argument(h), []string{"password", "passwd", "pwd", "passwort"}) {
		return worth(h, .45)
	}
	return 0, 0
}

// debug weighs a debugger that listens to everybody.
func debug(c *code, h guard.Hit) (int, float64) {
	if containsAny(c.near(h, 80, 60), []string{"0.0.0.0"}) {
		return worth(h, .5)
	}
	return 0, 0
}

// certificateDangers switch off the check of who answers.
var certificateDangers = []danger{
	{"verify=false", unchecked(.6)}, {"verify = false", unchecked(.45)}, {"insecureskipverify: true", unchecked(.6)}, {"insecureskipverify = true", unchecked(.6)}, {"rejectunauthorized: false", unchecked(.6)}, {"rejectunauthorized = false", unchecked(.6)},
	{"node_tls_reject_unauthorized", unchecked(.65)}, {"curlopt_ssl_verifypeer", switchedOff}, {"curlopt_ssl_verifyhost", switchedOff}, {"servercertificatevalidationcallback", callbackTrue}, {"servercertificatecustomvalidationcallback", callbackTrue}, {"dangerousacceptanyservercertificatevalidator", unchecked(.65)},
	{"_create_unverified_context", unchecked(.6)}, {"ssl.cert_none", unchecked(.45)}, {"check_hostname = false", unchecked(.5)}, {"check_hostname=false", unchecked(.45)}, {"allow_all_hostname_verifier", unchecked(.6)}, {"noophostnameverifier", unchecked(.55)}, {"trustallcerts", unchecked(.6)}, {"trustallstrategy", unchecked(.6)},
	{"checkservertrusted(", emptyCheck}, {"danger_accept_invalid_certs(true)", unchecked(.6)}, {"danger_accept_invalid_hostnames(true)", unchecked(.6)}, {"badcertificatecallback", callbackTrue}, {"verify_none", unchecked(.6)}, {"http.sslverify false", unchecked(.6)}, {"strict-ssl false", unchecked(.6)}, {"strict-ssl=false", unchecked(.6)},
	{"pythonhttpsverify=0", unchecked(.65)}, {"stricthostkeychecking no", unchecked(.35)}, {"stricthostkeychecking=no", unchecked(.35)}, {"tlsv1_method", unchecked(.3)}, {"sslverify=false", unchecked(.5)}, {"sslverify=0", unchecked(.5)}, {"verify_ssl=false", unchecked(.55)}, {"verify_ssl = false", unchecked(.5)}, {"validate_certs: no", unchecked(.5)}, {"validate_certs: false", unchecked(.5)}, {"--trusted-host", unchecked(.3)},
}

// tried are signs that only a machine of one's own is asked.
var tried = []string{"_test.go", "httptest", "localhost", "127.0.0.1", "::1", "test server", "testserver", "unittest", "pytest", "self-signed cert for the test", "testing.t", "in tests", "for tests", "test_"}

func unchecked(p float64) func(*code, guard.Hit) (int, float64) {
	return func(c *code, h guard.Hit) (int, float64) {
		if !wordStart(c.s, h.Start) && c.s[h.Start] != '_' {
			return 0, 0
		}
		if containsAny(c.near(h, 300, 200), tried) {
			return worth(h, .25)
		}
		return worth(h, p)
	}
}

func switchedOff(c *code, h guard.Hit) (int, float64) {
	rest := strings.TrimLeft(c.rest(h), " ,=>:'\"\t")
	if strings.HasPrefix(rest, "0") || strings.HasPrefix(rest, "false") {
		return unchecked(.6)(c, h)
	}
	return 0, 0
}

func callbackTrue(c *code, h guard.Hit) (int, float64) {
	if rest := c.near(h, 0, 200); containsAny(rest, []string{"=> true", "return true", "{ true }", "{$true}", "delegate { return true"}) {
		return unchecked(.65)(c, h)
	}
	return 0, 0
}

// emptyCheck weighs a check with nothing in it.
func emptyCheck(c *code, h guard.Hit) (int, float64) {
	rest := c.near(h, 0, 160)
	_, body, ok := strings.Cut(rest, "{")
	if body, _, closed := strings.Cut(body, "}"); ok && closed && !strings.ContainsAny(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(body), "//")), ";(") {
		return unchecked(.6)(c, h)
	}
	return 0, 0
}
