// The AI SDK with its providers for OpenAI (both of its APIs) and Anthropic.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, embed, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { House } from './house.mjs';
import { attack, collect, explained, failure, onlyOnce, vector, weather } from './kit.mjs';

const house = await House.open();
after(() => house.close());

const openai = createOpenAI({ baseURL: house.gate + '/v1', apiKey: house.key });
const anthropic = createAnthropic({ baseURL: house.gate + '/v1', apiKey: house.key });
const kinds = { chat: (id) => openai.chat(id), responses: (id) => openai.responses(id), messages: (id) => anthropic(id) };

// heard reads a stream of text and what is told beside it.
async function heard(result) {
  const parts = await collect(result.fullStream);
  return {
    text: parts.filter((p) => p.type === 'text-delta').map((p) => p.text).join(''),
    error: parts.find((p) => p.type === 'error')?.error,
    finish: parts.findLast((p) => p.type === 'finish')?.finishReason,
    usage: parts.findLast((p) => p.type === 'finish')?.totalUsage,
  };
}

// quiet keeps the SDK from writing the errors that a test expects.
const quiet = { onError() {}, maxRetries: 0 };

for (const [kind, model] of Object.entries(kinds)) {
  test(`${kind}: answers, whole and streamed, with usage`, async () => {
    const whole = await generateText({ model: model('plain'), prompt: 'good morning' });
    assert.equal(whole.text, 'Heard: good morning');
    assert.equal(whole.finishReason, 'stop');
    const got = await heard(streamText({ model: model('plain'), prompt: 'good morning' }));
    assert.equal(got.text, 'Heard: good morning');
    assert.equal(got.finish, 'stop');
    for (const usage of [whole.usage, got.usage]) assert.deepEqual([usage.inputTokens, usage.outputTokens], [3, 5]);
  });

  test(`${kind}: a tool is called, answered and used`, async () => {
    const params = () => ({ model: model('tools'), prompt: 'how is the weather in Riga?', stopWhen: stepCountIs(3),
      tools: { weather: tool({ description: 'Weather of a city', inputSchema: jsonSchema(weather), execute: async ({ city }) => `rain in ${city}` }) } });
    assert.match((await generateText(params())).text, /^call_1 says "?rain in Riga"?$/);
    assert.match((await heard(streamText(params()))).text, /^call_1 says "?rain in Riga"?$/);
  });

  test(`${kind}: a blocked prompt is one try, with the SDK's own retries on`, async () => {
    const err = await onlyOnce(house, `${kind}:plain`, () => failure(generateText({ model: model('plain'), prompt: attack })));
    assert.ok(APICallError.isInstance(err), String(err));
    assert.deepEqual([err.statusCode, err.isRetryable], [400, false]);
    explained(err.message);
    const got = await onlyOnce(house, `${kind}:plain`, () => heard(streamText({ model: model('plain'), prompt: attack, onError() {} })));
    explained(got.error.message);
  });

  test(`${kind}: a blocked answer never shows, and is no ordinary end`, async () => {
    const whole = await generateText({ model: model('leaky'), prompt: 'what is new?' });
    assert.equal(whole.finishReason, 'content-filter');
    const got = await heard(streamText({ model: model('leaky'), prompt: 'what is new?', ...quiet }));
    assert.ok(got.finish === 'content-filter' || got.error, `${got.finish}`);
    assert.doesNotMatch(whole.text + got.text, /is late|Nobody/);
  });

  test(`${kind}: a provider's limit is waited for, a break is an error, half an answer too`, async () => {
    await house.up.forget();
    assert.equal((await generateText({ model: model('limited'), prompt: 'now' })).text, 'at last');
    assert.equal(await house.up.hits(`${kind}:limited`), 2);
    const err = await failure(generateText({ model: model('broken'), prompt: 'now', maxRetries: 0 }));
    assert.ok(err.statusCode >= 500 && err.isRetryable, String(err));
    const got = await heard(streamText({ model: model('cut'), prompt: 'tell me all', ...quiet })).catch((error) => ({ error }));
    assert.ok(got.error, `${got.finish}: ${got.text}`);
  });

  test(`${kind}: a caller who leaves stops the provider`, async () => {
    await house.up.forget();
    const leave = new AbortController();
    const result = streamText({ model: model('endless'), prompt: 'go on', abortSignal: leave.signal, ...quiet });
    for await (const part of result.fullStream) if (part.type === 'text-delta') leave.abort();
    await house.up.left(`${kind}:endless`);
  });
}

test('embeddings', async () => {
  const got = await embed({ model: openai.embedding('vectors'), value: 'one text' });
  assert.deepEqual(got.embedding.map(Math.fround), vector);
  const err = await onlyOnce(house, 'embeddings:vectors', () => failure(embed({ model: openai.embedding('vectors'), value: attack })));
  explained(err.message);
});
