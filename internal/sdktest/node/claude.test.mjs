// Claude Code, as it comes from npm, behind the gate.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { reached, Workshop } from './agent.mjs';
import { House } from './house.mjs';
import { attack, explained } from './kit.mjs';

const house = await House.open();
const key = await house.newKey('agents');
const shop = await Workshop.open(house);
after(async () => {
  await shop.close();
  await house.close();
});

const program = createRequire(import.meta.url).resolve(`@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`);

// claude runs it in print mode. The last variables keep it from everything that is
// not the model: telemetry, updates, reports of errors.
function claude(model, prompt, { env = { ANTHROPIC_API_KEY: key }, interrupt } = {}) {
  return shop.run([program, '-p', prompt, '--model', model, '--allowedTools', 'Read,Write'], {
    ANTHROPIC_BASE_URL: house.gate, NODE_EXTRA_CA_CERTS: house.ca, ...env,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1', DISABLE_AUTOUPDATER: '1',
  }, interrupt);
}

// counted returns what was called meanwhile, at the gate and at the provider.
async function counted(model, run) {
  await house.up.forget();
  const before = await house.calls();
  const got = await run();
  return { ...got, gate: (await house.calls()) - before, provider: await house.up.hits('messages:' + model) };
}

test('finishes a task of two tools', async () => {
  const got = await counted('task', () => claude('task', shop.task));
  assert.equal(got.out, 'The task is finished.\n', got.err);
  assert.equal(await shop.answer(), 'quince\n');
  assert.deepEqual([got.code, got.gate, got.provider], [0, 3, 3]);
});

test('what it says of itself arrives as it was written', async () => {
  const got = await counted('plain', () => claude('plain', 'good morning', { env: { ANTHROPIC_AUTH_TOKEN: key } }));
  assert.equal(got.out, 'Heard: good morning\n', got.err);
  const call = await house.up.last('messages:plain');
  assert.equal(call.Target, '/v1/messages?beta=true');
  assert.ok(call.Header['Anthropic-Beta'].join().split(',').length >= 5, String(call.Header['Anthropic-Beta']));
  const body = JSON.parse(call.Body);
  assert.ok(body.context_management && body.thinking && body.output_config && body.tools.length >= 10);
});

// Any error 400 makes it ask again without the betas that it likes to try, unless it
// is told, as its documentation asks of those who run a gateway, not to try them.
for (const [told, most] of [['1', 1], ['', 6]]) {
  test(`shows a blocked prompt once, experiments ${told ? 'off' : 'on'}`, async () => {
    const env = { ANTHROPIC_API_KEY: key, CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS: told };
    const got = await counted('plain', () => claude('plain', attack, { env }));
    explained(got.out + got.err);
    assert.equal((got.out + got.err).match(/ex_[0-9a-f]{32}/g).length, 1, got.out + got.err);
    assert.deepEqual([got.code, got.provider], [1, 0]);
    assert.ok(got.gate <= most, `${got.gate} tries`);
  });
}

test('shows why an answer was blocked', async () => {
  const got = await counted('leaky', () => claude('leaky', 'what is new?'));
  explained(got.out + got.err);
  assert.deepEqual([got.code, got.gate, got.provider], [1, 1, 1]);
});

test('does not take half an answer for a whole one', async () => {
  const got = await counted('cut', () => claude('cut', 'tell me all'));
  assert.notEqual(got.code, 0, got.out);
  assert.ok(got.provider <= 3, `${got.provider} calls`);
});

test('an interrupt stops the provider', async () => {
  const got = await counted('endless', () => claude('endless', 'go on', { interrupt: reached(house, 'messages:endless') }));
  assert.equal(got.provider, 1, got.out);
  await house.up.left('messages:endless');
});

test('asked for no other host', () => assert.deepEqual(shop.strangers, []));
