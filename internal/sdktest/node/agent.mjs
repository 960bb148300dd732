// A place where a coding agent works: a home without any account, a folder with a
// file to read, and a network that ends at this machine.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Workshop is that place.
export class Workshop {
  static async open(house) {
    const w = new Workshop();
    w.house = house;
    w.dir = await mkdtemp(join(tmpdir(), 'agent-'));
    w.work = join(w.dir, 'work');
    w.home = join(w.dir, 'home');
    await mkdir(w.work);
    await mkdir(w.home);
    await writeFile(join(w.work, 'note.txt'), 'Of all the words there are, the word is quince\n');
    // Every other host is asked for here, and never reached.
    w.strangers = [];
    w.proxy = createServer((s) => s.on('error', () => {}).once('data', (d) => {
      w.strangers.push(String(d).split('\r\n')[0]);
      s.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    }));
    await new Promise((ok) => w.proxy.listen(0, '127.0.0.1', ok));
    const proxy = `http://127.0.0.1:${w.proxy.address().port}`;
    w.env = { PATH: process.env.PATH, HOME: w.home, TERM: 'dumb', HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: '127.0.0.1,localhost' };
    return w;
  }

  // task is a prompt that the scripted model knows what to do with.
  get task() { return `Read ${join(this.work, 'note.txt')} and write its word into ${join(this.work, 'answer.txt')} now.`; }

  // answer is what the agent has written.
  answer() { return readFile(join(this.work, 'answer.txt'), 'utf8'); }

  // run lets an agent work until it ends. It is interrupted, as by Control-C, when
  // interrupt has waited for it, and has not hung when a minute is over.
  async run([program, ...args], env, interrupt) {
    const child = spawn(program, args, { cwd: this.work, env: { ...this.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const got = { out: '', err: '' };
    child.stdout.on('data', (d) => (got.out += d));
    child.stderr.on('data', (d) => (got.err += d));
    const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const asked = interrupt?.().then(() => child.kill('SIGINT'), (err) => {
      got.err += err;
      child.kill('SIGKILL');
    });
    [got.code, got.signal] = await new Promise((ok) => child.on('close', (code, signal) => ok([code, signal])));
    clearTimeout(late);
    if (got.signal === 'SIGKILL') throw new Error(['the agent hangs:', got.out, got.err, 'the gate says:', ...this.house.said].join('\n'));
    await asked;
    return got;
  }

  async close() {
    this.proxy.close();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

// reached waits until the provider was asked.
export const reached = (house, name) => async () => {
  for (const late = Date.now() + 30_000; (await house.up.hits(name)) === 0; await new Promise((ok) => setTimeout(ok, 20))) {
    if (Date.now() > late) throw new Error(`nobody asked for ${name}`);
  }
};
