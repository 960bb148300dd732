// Responses, for every major version of the SDK.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attack, collect, explained, failure, onlyOnce, weather } from './kit.mjs';

export function responsesSuite(name, OpenAI, house, client, kind = 'responses') {
  const ask = (model, input, more = {}, options) => client().responses.create({ model, input, ...more }, options);
  const stream = async (model, input, more = {}, options) => collect(await ask(model, input, { stream: true, ...more }, options));

  test(`${name}: answers, whole`, async () => {
    const got = await ask('plain', 'good morning');
    assert.equal(got.output_text, 'Heard: good morning');
    assert.equal(got.status, 'completed');
    assert.equal(got.usage.total_tokens, 8);
  });

  test(`${name}: answers, streamed, every event in its order`, async () => {
    const got = await stream('plain', 'good morning');
    assert.equal(got.filter((e) => e.type === 'response.output_text.delta').map((e) => e.delta).join(''), 'Heard: good morning');
    assert.deepEqual(got.map((e) => e.sequence_number), got.map((_, i) => i));
    assert.equal(got[0].type, 'response.created');
    assert.equal(got.at(-1).type, 'response.completed');
    assert.equal(got.at(-1).response.usage.total_tokens, 8);
  });

  test(`${name}: the SDK's own accumulator`, async () => {
    const done = await client().responses.stream({ model: 'plain', input: 'good morning' }).finalResponse();
    assert.equal(done.output_text, 'Heard: good morning');
    assert.equal(done.status, 'completed');
  });

  test(`${name}: tools, there and back`, async () => {
    const tools = [{ type: 'function', name: 'weather', description: 'Weather of a city', parameters: weather, strict: false }];
    for (const streamed of [false, true]) {
      const input = [{ role: 'user', content: 'how is the weather in Riga?' }];
      const turn = () => (streamed ? client().responses.stream({ model: 'tools', input, tools }).finalResponse() : ask('tools', input, { tools }));
      const [called] = (await turn()).output;
      assert.equal(called.type, 'function_call');
      assert.deepEqual([called.name, JSON.parse(called.arguments)], ['weather', { city: 'Riga' }]);
      input.push(called, { type: 'function_call_output', call_id: called.call_id, output: 'rain' });
      assert.equal((await turn()).output_text, 'call_1 says rain');
    }
  });

  test(`${name}: reasoning comes back as it was sealed`, async () => {
    for (const got of [await ask('think', 'why?'), (await stream('think', 'why?')).at(-1).response]) {
      assert.equal(got.output[0].type, 'reasoning');
      assert.equal(got.output[0].encrypted_content, 'c2lnbmVkLWJ5LW5vYm9keQ==');
      const next = await ask('think', [{ role: 'user', content: 'why?' }, ...got.output, { role: 'user', content: 'and then?' }]);
      assert.equal(next.output_text, 'Heard: and then?');
    }
  });

  test(`${name}: a schema reaches the model`, async () => {
    const got = await ask('schema', 'fill it in', { text: { format: { type: 'json_schema', name: 'form', schema: { type: 'object' } } } });
    assert.deepEqual(JSON.parse(got.output_text), { asked: 'json_schema', name: 'form' });
  });

  test(`${name}: what the SDK knows nothing of arrives as it was written`, async () => {
    const body = { model: 'plain', input: 'all of it', store: false, include: ['reasoning.encrypted_content'], prompt_cache_key: 'k', x_house: [1.5, null] };
    await client().responses.create(body);
    assert.equal((await house.up.last(`${kind}:plain`)).Body, JSON.stringify(body));
  });

  test(`${name}: a blocked prompt is one try with a reference number`, async () => {
    for (const more of [{}, { stream: true }]) {
      const err = await onlyOnce(house, `${kind}:plain`, () => failure(ask('plain', attack, more)));
      assert.ok(err instanceof OpenAI.BadRequestError, String(err));
      assert.ok(['invalid_prompt', 'content_filter'].includes(err.code), err.code);
      explained(err.message);
    }
  });

  test(`${name}: a blocked answer is incomplete, and says why`, async () => {
    const whole = await ask('leaky', 'what is new?');
    assert.equal(whole.status, 'incomplete');
    assert.equal(whole.incomplete_details.reason, 'content_filter');
    assert.doesNotMatch(JSON.stringify(whole), /Nightjar is late|Nobody/);
    const got = await stream('leaky', 'what is new?');
    assert.equal(got.at(-1).type, 'response.failed');
    assert.equal(got.at(-1).response.error.code, 'invalid_prompt');
    assert.deepEqual(got.map((e) => e.sequence_number), got.map((_, i) => i));
    assert.doesNotMatch(JSON.stringify(got), /Nightjar is late|Nobody/);
    explained(got.at(-1).response.error.message);
  });

  test(`${name}: the provider's limit reaches the SDK with its Retry-After`, async () => {
    await house.up.forget();
    const err = await failure(ask('limited', 'now', {}, { maxRetries: 0 }));
    assert.ok(err instanceof OpenAI.RateLimitError);
    assert.equal(err.headers.get('retry-after'), '1');
    await house.up.forget();
    assert.equal((await ask('limited', 'now')).output_text, 'at last');
    assert.equal(await house.up.hits(`${kind}:limited`), 2);
  });

  test(`${name}: a provider that breaks is an error`, async () => {
    for (const more of [{}, { stream: true }]) {
      const err = await failure(ask('broken', 'now', more, { maxRetries: 0 }));
      assert.ok(err instanceof OpenAI.InternalServerError, String(err));
    }
  });

  test(`${name}: half an answer is never taken for a whole one`, async () => {
    await house.up.forget();
    await failure(stream('cut', 'tell me all'));
    await failure(client().responses.stream({ model: 'cut', input: 'tell me all' }).finalResponse());
    assert.equal(await house.up.hits(`${kind}:cut`), 2);
  });

  test(`${name}: a caller who leaves stops the provider`, async () => {
    await house.up.forget();
    for await (const _ of await ask('endless', 'go on', { stream: true })) break;
    await house.up.left(`${kind}:endless`);
    for (const more of [{}, { stream: true }]) {
      const leave = new AbortController();
      setTimeout(() => leave.abort(), 200);
      const err = await failure(ask('silent', 'are you there?', more, { signal: leave.signal }));
      assert.ok(err instanceof OpenAI.APIUserAbortError, String(err));
      await house.up.left(`${kind}:silent`);
    }
  });
}

export function inputTokensSuite(name, OpenAI, house, client) {
  test(`${name}: tokens are counted, and a blocked prompt is not`, async () => {
    assert.equal((await client().responses.inputTokens.count({ model: 'plain', input: 'good morning' })).input_tokens, 7);
    const err = await onlyOnce(house, 'input:plain', () => failure(client().responses.inputTokens.count({ model: 'plain', input: attack })));
    assert.ok(err instanceof OpenAI.BadRequestError, String(err));
  });
}
