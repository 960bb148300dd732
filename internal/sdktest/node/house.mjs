// A gate with a provider behind it, for tests that know neither: they get a base
// URL, a key and an authority.
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const providerKey = 'provider-' + 'only-for-tests';

// The names of the models choose what the scripted provider does.
export const scripts = ['plain', 'tools', 'schema', 'think', 'leaky', 'limited', 'broken', 'cut', 'silent', 'endless', 'vectors', 'task', 'gpt-5.5', 'gpt-6-sol'];

const deployment = (upstream) => `version: 1
data: data
listen: {gate: {addr: "127.0.0.1:0"}, console: {addr: "127.0.0.1:0"}, operations: {addr: "127.0.0.1:0"}}
providers:
  openai: {dialect: openai, url: "${upstream}/v1", private: true, key: {env: SDKTEST_PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  anthropic: {dialect: anthropic, url: "${upstream}", private: true, key: {env: SDKTEST_PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
  azure: {dialect: azure, url: "${upstream}", private: true, key: {env: SDKTEST_PROVIDER_KEY}, handling: {training: never, retention: none, ceiling: highly_confidential}}
models:
${[...scripts, 'others'].map((name) => `  ${name}: {try: [openai, anthropic, azure]}`).join('\n')}
policies:
  office: {rules: [{id: nightjar, phrase: "Project Nightjar", action: block, says: "Project Nightjar may not leave the house."}]}
  answering: {block_as: answer, rules: [{id: nightjar, phrase: "Project Nightjar", action: block, says: "Project Nightjar may not leave the house."}]}
systems:
  bot: {team: t, owner: o, purpose: p, environment: production, policy: office, tools: [weather], models: [${scripts}]}
  agents: {team: t, owner: o, purpose: p, environment: production, policy: office, tools: any, models: [${scripts}]}
  polite: {team: t, owner: o, purpose: p, environment: production, policy: answering, tools: any, models: [${scripts}]}
  other: {team: t, owner: o, purpose: p, environment: production, models: [others]}
`;

// spoken waits until a program has said what is wanted.
function spoken(child, from, wanted) {
  return new Promise((ok, fail) => {
    child.on('exit', () => fail(new Error(`${child.spawnfile} ended`)));
    createInterface({ input: child[from] }).on('line', (line) => wanted(line) && ok());
  });
}

// Provider is the scripted one, in a process of its own.
class Provider {
  static async start() {
    const p = new Provider();
    p.child = spawn(process.env.SDKTEST_PROVIDER, { stdio: ['ignore', 'pipe', 'inherit'] });
    await spoken(p.child, 'stdout', (line) => (p.url = line));
    return p;
  }

  async ask(what, method = 'GET') {
    const res = await fetch(`${this.url}/control/${what}`, { method });
    if (!res.ok) throw new Error(`${what}: ${res.status} ${await res.text()}`);
    return method === 'GET' ? res.json() : undefined;
  }

  // hits is how often a model was asked: "chat:plain", "messages:plain".
  hits(name) { return this.ask('hits?of=' + encodeURIComponent(name)); }

  // last is the last call that arrived, its body as text.
  async last(name) {
    const call = await this.ask('last?of=' + encodeURIComponent(name));
    return { ...call, Body: Buffer.from(call.Body ?? '', 'base64').toString() };
  }

  forget() { return this.ask('forget', 'POST'); }

  // left waits until a caller of that name went away before the end.
  async left(name) {
    while ((await this.ask('left')) !== name);
  }
}

// House is `bartizan serve` in front of a provider. Node.js reads the authority
// that it shall trust when it starts, so a house takes over one that is there
// already: the folder of the first is where the environment says.
export class House {
  static async open(authority = process.env.SDKTEST_AUTHORITY) {
    const h = new House();
    h.up = await Provider.start();
    h.dir = await mkdtemp(join(tmpdir(), 'sdktest-'));
    await writeFile(join(h.dir, 'bartizan.yaml'), deployment(h.up.url));
    if (authority) await cp(authority, join(h.dir, 'data', 'tls'), { recursive: true });
    h.options = { cwd: h.dir, env: { ...process.env, SDKTEST_PROVIDER_KEY: providerKey } };
    h.serve = spawn(process.env.BARTIZAN, ['serve', '-c', 'bartizan.yaml'], { ...h.options, stdio: ['ignore', 'ignore', 'pipe'] });
    h.code = new Promise((ok) => h.serve.on('exit', ok));
    h.said = []; // the last of what it said
    await spoken(h.serve, 'stderr', (line) => {
      h.said = [...h.said.slice(-19), line];
      const [name, at] = line.split(' ');
      if (['gate', 'console', 'operations'].includes(name)) h[name] = at;
      return h.operations;
    });
    h.key = await h.newKey('bot');
    h.ca = join(h.dir, 'data', 'tls', 'ca.crt');
    return h;
  }

  // newKey makes a key of a system.
  async newKey(system) {
    const made = await run(process.env.BARTIZAN, ['keys', 'create', '--system', system, '-c', 'bartizan.yaml', '-o', 'json'], this.options);
    return JSON.parse(made.stdout).key;
  }

  // calls is how many calls the gate has counted: what a client really tried. It
  // counts a call a moment after its answer has left, so it is asked until it has
  // counted all.
  async calls() {
    for (let n = await this.counted(); ;) {
      await new Promise((ok) => setTimeout(ok, 60));
      const m = await this.counted();
      if (m === n) return n;
      n = m;
    }
  }

  async counted() {
    const text = await (await fetch(this.operations + '/metrics')).text();
    return [...text.matchAll(/^bartizan_exchanges_total\{.*\} (\d+)$/gm)].reduce((sum, m) => sum + Number(m[1]), 0);
  }

  async close() {
    this.serve.kill('SIGTERM');
    const code = await this.code;
    this.up.child.kill();
    await rm(this.dir, { recursive: true });
    if (code !== 0) throw new Error(`serve ended with ${code}`);
  }
}
