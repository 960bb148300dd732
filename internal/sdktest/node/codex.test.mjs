// Codex, as it comes from npm, behind the gate. Its retries are left as they are.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
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

const program = createRequire(import.meta.url).resolve('@openai/codex/bin/codex.js');

// The last settings keep it from everything that is not the model.
await mkdir(join(shop.home, '.codex'));
await writeFile(join(shop.home, '.codex', 'config.toml'), `
model_provider = "bartizan"
approval_policy = "never"
sandbox_mode = "danger-full-access" # the folder is all there is, and the tests may run where no sandbox can
check_for_update_on_startup = false
analytics.enabled = false
features.plugins = false

[model_providers.bartizan]
name = "Bartizan"
base_url = "${house.gate}/v1"
env_key = "BARTIZAN_KEY"
wire_api = "responses"
`);

function codex(model, prompt, interrupt, more = [], by = key) {
  return shop.run([process.execPath, program, 'exec', '--skip-git-repo-check', '--model', model, ...more, prompt],
    { BARTIZAN_KEY: by, CODEX_API_KEY: by, CODEX_CA_CERTIFICATE: house.ca }, interrupt);
}

// counted returns what was called meanwhile, at the gate and at the provider.
async function counted(model, run) {
  await house.up.forget();
  const before = await house.calls();
  const got = await run();
  return { ...got, gate: (await house.calls()) - before, provider: await house.up.hits('responses:' + model) };
}

test('finishes a task of two tools', async () => {
  const got = await counted('gpt-5.5', () => codex('gpt-5.5', shop.task));
  assert.equal(got.out, 'The task is finished.\n', got.err);
  assert.equal(await shop.answer(), 'quince\n');
  assert.deepEqual([got.code, got.gate, got.provider], [0, 3, 3]);
});

test('what it says of itself arrives as it was written', async () => {
  const got = await counted('plain', () => codex('plain', 'good morning'));
  assert.equal(got.out, 'Heard: good morning\n', got.err);
  const body = JSON.parse((await house.up.last('responses:plain')).Body);
  assert.equal(body.store, false);
  assert.deepEqual(body.include, ['reasoning.encrypted_content']);
  assert.ok(body.prompt_cache_key && body.client_metadata && body.tools.some((t) => t.type === 'namespace'));
});

test('its own provider falls back from WebSocket at once', async () => {
  const got = await counted('plain', () => codex('plain', 'good morning', undefined, ['-c', 'model_provider="openai"', '-c', `openai_base_url="${house.gate}/v1"`]));
  assert.equal(got.out, 'Heard: good morning\n', got.err);
  assert.deepEqual([got.gate, got.provider], [2, 1]);
});

// Newer models get their tools as an item of the input.
test('tools that travel in the input are authorised like all others', async () => {
  let got = await counted('gpt-6-sol', () => codex('gpt-6-sol', 'good morning'));
  assert.equal(got.out, 'Heard: good morning\n', got.err);
  const body = JSON.parse((await house.up.last('responses:gpt-6-sol')).Body);
  assert.ok(!body.tools && body.input.some((i) => i.type === 'additional_tools'));
  got = await counted('gpt-6-sol', () => codex('gpt-6-sol', 'good morning', undefined, [], house.key));
  assert.match(got.err, /offers a tool that your system may not use/);
  assert.deepEqual([got.code, got.gate, got.provider], [1, 1, 0]);
});

test('shows a blocked prompt once', async () => {
  const got = await counted('plain', () => codex('plain', attack));
  assert.match(got.err, /ex_[0-9a-f]{32}/);
  assert.deepEqual([got.code, got.gate, got.provider], [1, 1, 0], got.err);
});

test('shows why an answer was blocked, and does not try again', async () => {
  const got = await counted('leaky', () => codex('leaky', 'what is new?'));
  explained(got.out + got.err);
  assert.deepEqual([got.code, got.gate, got.provider], [1, 1, 1]);
});

test('half an answer is no answer', async () => {
  const got = await counted('cut', () => codex('cut', 'tell me all', undefined, ['-c', 'model_providers.bartizan.stream_max_retries=1']));
  assert.deepEqual([got.code, got.gate, got.provider], [1, 2, 2], got.err);
});

test('an interrupt stops the provider', async () => {
  const got = await counted('endless', () => codex('endless', 'go on', reached(house, 'responses:endless')));
  assert.equal(got.provider, 1, got.out);
  await house.up.left('responses:endless');
});

test('asked for no other host', () => assert.deepEqual(shop.strangers, []));
