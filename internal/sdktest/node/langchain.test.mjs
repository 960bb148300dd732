// LangChain's classes for OpenAI, over both of its APIs.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { House } from './house.mjs';
import { attack, collect, explained, failure, onlyOnce, vector, weather } from './kit.mjs';

const house = await House.open();
after(() => house.close());

const configuration = { baseURL: house.gate + '/v1' };

for (const kind of ['chat', 'responses']) {
  const model = (name, more = {}) => new ChatOpenAI({ model: name, apiKey: house.key, configuration, useResponsesApi: kind === 'responses', ...more });

  test(`${kind}: answers, whole and streamed, with usage`, async () => {
    const whole = await model('plain').invoke('good morning');
    assert.equal(whole.text, 'Heard: good morning');
    const chunks = await collect(await model('plain').stream('good morning'));
    assert.equal(chunks.map((c) => c.text).join(''), 'Heard: good morning');
    for (const usage of [whole.usage_metadata, chunks.findLast((c) => c.usage_metadata).usage_metadata]) assert.equal(usage.total_tokens, 8);
  });

  test(`${kind}: tools, there and back`, async () => {
    const bound = model('tools').bindTools([{ type: 'function', function: { name: 'weather', description: 'Weather of a city', parameters: weather } }]);
    const ask = new HumanMessage('how is the weather in Riga?');
    for (const turn of [(m) => bound.invoke(m), async (m) => (await collect(await bound.stream(m))).reduce((a, b) => a.concat(b))]) {
      const called = await turn([ask]);
      assert.deepEqual(called.tool_calls.map((c) => [c.name, c.args]), [['weather', { city: 'Riga' }]]);
      const last = await turn([ask, called, new ToolMessage({ content: 'rain', tool_call_id: called.tool_calls[0].id })]);
      assert.equal(last.text, 'call_1 says rain');
    }
  });

  test(`${kind}: a blocked prompt is one try, with its own retries on`, async () => {
    explained((await onlyOnce(house, `${kind}:plain`, () => failure(model('plain').invoke(attack)))).message);
    explained((await onlyOnce(house, `${kind}:plain`, () => failure(model('plain').stream(attack).then(collect)))).message);
  });

  test(`${kind}: a blocked answer never shows`, async () => {
    const whole = await model('leaky').invoke('what is new?').catch((err) => ({ text: '', err }));
    const chunks = await model('leaky').stream('what is new?').then(collect).catch(() => []);
    assert.doesNotMatch(whole.text + chunks.map((c) => c.text).join(''), /is late|Nobody/);
    if (kind === 'chat') assert.equal(whole.response_metadata.finish_reason, 'content_filter');
  });

  test(`${kind}: a break and half an answer are errors`, async () => {
    await failure(model('broken', { maxRetries: 0 }).invoke('now'));
    await failure(model('cut', { maxRetries: 0 }).stream('tell me all').then(collect));
  });

  test(`${kind}: a caller who leaves stops the provider`, async () => {
    await house.up.forget();
    const leave = new AbortController();
    await failure((async () => {
      for await (const chunk of await model('endless').stream('go on', { signal: leave.signal })) if (chunk.text) leave.abort();
    })());
    await house.up.left(`${kind}:endless`);
  });
}

test('embeddings', async () => {
  const embeddings = new OpenAIEmbeddings({ model: 'vectors', apiKey: house.key, configuration });
  for (const got of [await embeddings.embedQuery('one text'), ...(await embeddings.embedDocuments(['two', 'texts']))]) assert.deepEqual(got.map(Math.fround), vector);
  explained((await onlyOnce(house, 'embeddings:vectors', () => failure(embeddings.embedQuery(attack)))).message);
});
