// A running gate and a scripted provider for the tests. The names of the models
// choose what the provider does.
import { spawn, execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const providerKey = 'provider-' + 'only-for-tests';

const deployment = (url) => `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  up: {dialect: openai, url: "${url}/v1", private: true, key: {env: SDKTEST_PROVIDER_KEY}}
models: {plain: {try: [up]}, tools: {try: [up]}, schema: {try: [up]}, leaky: {try: [up]}, limited: {try: [up]}, cut: {try: [up]}, endless: {try: [up]}, others: {try: [up]}}
policies:
  office: {rules: [{id: nightjar, phrase: "Project Nightjar", action: block, says: "Project Nightjar may not leave the house."}]}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, policy: office, tools: [weather], models: [plain, tools, schema, leaky, limited, cut, endless]}
  other: {team: t, owner: o, purpose: p, environment: production, models: [others]}
`;

const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };

// Upstream is an OpenAI-compatible server that counts its calls.
export class Upstream {
  hits = {};
  left = new Promise((gone) => { this.gone = gone; });

  async start() {
    this.server = createServer((req, res) => this.serve(req, res));
    await new Promise((ok) => this.server.listen(0, '127.0.0.1', ok));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  async serve(req, res) {
    let text = '';
    for await (const part of req) text += part;
    const asked = JSON.parse(text);
    if (req.headers.authorization !== `Bearer ${providerKey}`) return this.json(res, 418, {});
    this.hits[asked.model] = (this.hits[asked.model] ?? 0) + 1;
    const last = asked.messages.at(-1);
    switch (asked.model) {
      case 'limited':
        if (this.hits.limited > 1) return this.reply(res, asked, 'at last');
        res.setHeader('retry-after', '1');
        return this.json(res, 429, { error: { message: 'slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' } });
      case 'tools':
        if (last.role === 'tool') return this.reply(res, asked, `${last.tool_call_id} says ${last.content}`);
        return this.toolCall(res, asked);
      case 'schema':
        return this.reply(res, asked, JSON.stringify({ asked: asked.response_format.type, name: asked.response_format.json_schema.name }));
      case 'leaky':
        return this.reply(res, asked, 'It is well known that Project Nightjar is late. Nobody likes it.');
      case 'cut':
        this.words(res, 'This is the first half of a sentence. And this is ');
        return setTimeout(() => res.destroy(), 50);
      case 'endless': {
        const more = setInterval(() => this.words(res, 'More and more of the same. '), 5);
        return res.on('close', () => { clearInterval(more); this.gone(); });
      }
      default:
        return this.reply(res, asked, 'Heard: ' + last.content);
    }
  }

  json(res, status, body) {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body));
  }

  frame(res, choices, rest = {}) {
    if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...rest })}\n\n`);
  }

  words(res, text, n = 1) {
    for (const word of text.split(/(?<= )/)) {
      for (let index = 0; index < n; index++) this.frame(res, [{ index, delta: { role: 'assistant', content: word }, finish_reason: null }]);
    }
  }

  reply(res, asked, content) {
    const n = asked.n ?? 1;
    if (!asked.stream) {
      const choices = Array.from({ length: n }, (_, index) => ({ index, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' }));
      return this.json(res, 200, { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage });
    }
    this.words(res, content, n);
    for (let index = 0; index < n; index++) this.frame(res, [{ index, delta: {}, finish_reason: 'stop' }]);
    if (asked.stream_options?.include_usage) this.frame(res, [], { usage });
    res.end('data: [DONE]\n\n');
  }

  toolCall(res, asked) {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Riga"}' } };
    if (!asked.stream) {
      const choices = [{ index: 0, message: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: 'tool_calls' }];
      return this.json(res, 200, { id: 'c', object: 'chat.completion', created: 1, model: 'm', choices });
    }
    const delta = (part) => this.frame(res, [{ index: 0, delta: { role: 'assistant', tool_calls: [{ index: 0, ...part }] }, finish_reason: null }]);
    delta({ ...call, function: { name: 'weather', arguments: '' } });
    for (const piece of ['{"ci', 'ty":', '"Riga"}']) delta({ function: { arguments: piece } });
    this.frame(res, [{ index: 0, delta: {}, finish_reason: 'tool_calls' }]);
    res.end('data: [DONE]\n\n');
  }
}

// House is `bartizan serve` in front of an Upstream. Node.js reads the authority
// that it shall trust when it starts, so a house takes over one that is there
// already: the folder of the first is where the environment says.
export class House {
  static async open(authority = process.env.SDKTEST_AUTHORITY) {
    const h = new House();
    h.up = new Upstream();
    await h.up.start();
    h.dir = await mkdtemp(join(tmpdir(), 'sdktest-'));
    await writeFile(join(h.dir, 'bartizan.yaml'), deployment(h.up.url));
    if (authority) await cp(authority, join(h.dir, 'data', 'tls'), { recursive: true });
    const options = { cwd: h.dir, env: { ...process.env, SDKTEST_PROVIDER_KEY: providerKey } };
    h.serve = spawn(process.env.BARTIZAN, ['serve', '-c', 'bartizan.yaml'], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    h.ended = new Promise((ok) => h.serve.on('exit', ok));
    await new Promise((ok, fail) => {
      h.ended.then(() => fail(new Error('serve ended')));
      createInterface({ input: h.serve.stderr }).on('line', (line) => {
        const [name, at] = line.split(' ');
        if (['gate', 'console', 'operations'].includes(name)) h[name] = at;
        if (h.operations) ok();
      });
    });
    const made = await run(process.env.BARTIZAN, ['keys', 'create', '--system', 'bot', '-c', 'bartizan.yaml', '-o', 'json'], options);
    h.key = JSON.parse(made.stdout).key;
    h.ca = join(h.dir, 'data', 'tls', 'ca.crt');
    return h;
  }

  // calls is how many calls the gate has counted: what an SDK really tried.
  async calls() {
    const text = await (await fetch(this.operations + '/metrics')).text();
    return [...text.matchAll(/^bartizan_exchanges_total\{.*\} (\d+)$/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
  }

  async close() {
    this.serve.kill('SIGTERM');
    const code = await this.ended;
    this.up.server.closeAllConnections();
    this.up.server.close();
    await rm(this.dir, { recursive: true });
    if (code !== 0) throw new Error(`serve ended with ${code}`);
  }
}
