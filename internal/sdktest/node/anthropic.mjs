// Messages, for every major version of the SDK of Anthropic.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attack, collect, explained, failure, onlyOnce, weather } from './kit.mjs';
import { scripts } from './house.mjs';

const says = (model, content, more = {}) => ({ model, max_tokens: 100, messages: [{ role: 'user', content }], ...more });

export function messagesSuite(name, Anthropic, house, { version, beta }) {
  const client = (more = { apiKey: house.key }) => new Anthropic({ baseURL: house.gate, ...more });
  const ask = async (params, options) => client().messages.create(params, options);
  const stream = async (params, options) => collect(await ask({ ...params, stream: true }, options));
  const said = (message) => message.content.filter((b) => b.type === 'text').map((b) => b.text).join('');

  test(`${name}: answers, whole`, async () => {
    const got = await ask(says('plain', 'good morning'));
    assert.equal(said(got), 'Heard: good morning');
    assert.equal(got.stop_reason, 'end_turn');
    assert.deepEqual([got.usage.input_tokens, got.usage.output_tokens], [3, 5]);
    assert.equal(got._request_id, 'req_scripted');
  });

  test(`${name}: answers, streamed`, async () => {
    const got = await stream(says('plain', 'good morning'));
    assert.equal(got.filter((e) => e.type === 'content_block_delta').map((e) => e.delta.text).join(''), 'Heard: good morning');
    assert.equal(got[0].type, 'message_start');
    assert.equal(got.at(-1).type, 'message_stop');
  });

  test(`${name}: the SDK's own accumulator`, async () => {
    const done = await client().messages.stream(says('plain', 'good morning')).finalMessage();
    assert.equal(said(done), 'Heard: good morning');
    assert.deepEqual([done.usage.input_tokens, done.usage.output_tokens], [3, 5]);
  });

  test(`${name}: tools, there and back`, async () => {
    for (const streamed of [false, true]) {
      const params = says('tools', 'how is the weather in Riga?', { tools: [{ name: 'weather', description: 'Weather of a city', input_schema: weather }] });
      const turn = () => (streamed ? client().messages.stream(params).finalMessage() : ask(params));
      const called = await turn();
      const [use] = called.content;
      assert.deepEqual([called.stop_reason, use.type, use.name, use.input], ['tool_use', 'tool_use', 'weather', { city: 'Riga' }]);
      params.messages.push({ role: 'assistant', content: called.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: 'rain' }] });
      assert.equal(said(await turn()), 'call_1 says rain');
    }
  });

  test(`${name}: a signed thought comes back and goes up as it was`, async () => {
    const params = says('think', 'why?', { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 });
    for (const got of [await ask(params), await client().messages.stream(params).finalMessage()]) {
      assert.deepEqual([got.content[0].thinking, got.content[0].signature], ['It is a simple question.', 'c2lnbmVkLWJ5LW5vYm9keQ==']);
      await ask({ ...params, messages: [...params.messages, { role: 'assistant', content: got.content }, { role: 'user', content: 'and then?' }] });
      assert.deepEqual(JSON.parse((await house.up.last('messages:think')).Body).messages[1].content[0], got.content[0]);
    }
  });

  test(`${name}: betas, the version, the query and unknown fields arrive as they were written`, async () => {
    const params = says('plain', 'all of it', { context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] }, x_house: [1.5, null] });
    await client().beta.messages.create({ ...params, betas: ['context-management-2025-06-27', 'effort-2025-11-24'] });
    const call = await house.up.last('messages:plain');
    assert.equal(call.Target, beta);
    assert.equal(call.Header['Anthropic-Beta'].join(), 'context-management-2025-06-27,effort-2025-11-24');
    assert.deepEqual(call.Header['Anthropic-Version'], [version]);
    assert.equal(call.Body, JSON.stringify(params));
  });

  test(`${name}: both headers of a key`, async () => {
    assert.equal(said(await client({ apiKey: house.key }).messages.create(says('plain', 'hello'))), 'Heard: hello');
    assert.equal(said(await client({ apiKey: null, authToken: house.key }).messages.create(says('plain', 'hello'))), 'Heard: hello');
    const err = await failure(client({ apiKey: 'bzk_' + 'wrong' }).messages.create(says('plain', 'hello')));
    assert.ok(err instanceof Anthropic.AuthenticationError, String(err));
    assert.equal(err.error.error.type, 'authentication_error');
  });

  test(`${name}: the models of the system, in the shape of this SDK`, async () => {
    const models = await collect(client().models.list({ limit: 1000 }));
    assert.deepEqual(models.map((m) => m.id).toSorted(), scripts.toSorted());
    for (const m of models) assert.equal(m.type, 'model');
    const err = await failure(ask(says('others', 'hello')));
    assert.ok(err instanceof Anthropic.NotFoundError, String(err));
    assert.equal(err.error.error.type, 'not_found_error');
  });

  test(`${name}: tokens are counted, and a blocked prompt is not`, async () => {
    const { max_tokens, ...params } = says('plain', 'good morning');
    assert.equal((await client().messages.countTokens(params)).input_tokens, 7);
    const err = await onlyOnce(house, 'count:plain', () => failure(client().messages.countTokens({ ...params, messages: [{ role: 'user', content: attack }] })));
    assert.ok(err instanceof Anthropic.BadRequestError, String(err));
  });

  test(`${name}: a blocked prompt is one try with a reference number`, async () => {
    for (const streamed of [false, true]) {
      const err = await onlyOnce(house, 'messages:plain', () => failure(ask(says('plain', attack, { stream: streamed }))));
      assert.ok(err instanceof Anthropic.BadRequestError, String(err));
      assert.equal(err.error.type, 'error');
      assert.equal(err.error.error.type, 'invalid_request_error');
      explained(err.error.error.message);
    }
  });

  test(`${name}: a blocked answer is a refusal that explains itself`, async () => {
    const whole = await ask(says('leaky', 'what is new?'));
    const got = await client().messages.stream(says('leaky', 'what is new?')).finalMessage();
    for (const message of [whole, got]) {
      assert.equal(message.stop_reason, 'refusal');
      explained(message.stop_details.explanation);
      assert.doesNotMatch(JSON.stringify(message), /Nightjar is late|Nobody/);
    }
  });

  test(`${name}: a policy that answers refuses in the words of the dialect`, async () => {
    const polite = client({ apiKey: await house.newKey('polite') });
    for (const streamed of [false, true]) {
      const message = await onlyOnce(house, 'messages:plain', () => (streamed ? polite.messages.stream(says('plain', attack)).finalMessage() : polite.messages.create(says('plain', attack))));
      assert.equal(message.stop_reason, 'refusal');
      explained(message.stop_details.explanation);
    }
  });

  test(`${name}: the provider's limit reaches the SDK with its Retry-After`, async () => {
    await house.up.forget();
    const err = await failure(ask(says('limited', 'now'), { maxRetries: 0 }));
    assert.ok(err instanceof Anthropic.RateLimitError, String(err));
    assert.equal(err.headers.get('retry-after'), '1');
    assert.equal(err.error.error.type, 'rate_limit_error');
    await house.up.forget();
    assert.equal(said(await ask(says('limited', 'now'))), 'at last');
    assert.equal(await house.up.hits('messages:limited'), 2);
  });

  test(`${name}: a provider that breaks is an error`, async () => {
    for (const streamed of [false, true]) {
      const err = await failure(ask(says('broken', 'now', { stream: streamed }), { maxRetries: 0 }));
      assert.ok(err instanceof Anthropic.InternalServerError, String(err));
    }
  });

  test(`${name}: half an answer is never taken for a whole one`, async () => {
    await house.up.forget();
    await failure(stream(says('cut', 'tell me all')));
    await failure(client().messages.stream(says('cut', 'tell me all')).finalMessage());
    assert.equal(await house.up.hits('messages:cut'), 2);
  });

  test(`${name}: a caller who leaves stops the provider`, async () => {
    await house.up.forget();
    for await (const e of await ask(says('endless', 'go on', { stream: true }))) if (e.type === 'content_block_delta') break;
    await house.up.left('messages:endless');
    for (const streamed of [false, true]) {
      const leave = new AbortController();
      setTimeout(() => leave.abort(), 200);
      const err = await failure(ask(says('silent', 'are you there?', { stream: streamed }), { signal: leave.signal }));
      assert.ok(err instanceof Anthropic.APIUserAbortError, String(err));
      await house.up.left('messages:silent');
    }
  });
}
