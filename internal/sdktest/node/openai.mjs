// Chat completions, the models and embeddings, for every major version of the SDK.
// The base URL and the key are all that is set; Node.js learns of the authority by
// NODE_EXTRA_CA_CERTS, which it reads when it starts, so the house is there before
// the tests are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attack, collect as all, explained, failure, onlyOnce, vector, weather } from './kit.mjs';
import { scripts } from './house.mjs';

const says = (model, content, more = {}) => ({ model, messages: [{ role: 'user', content }], ...more });

// collect reads a stream into one text, and keeps the chunks.
async function collect(stream) {
  const out = { chunks: await all(stream), text: '', refusal: '', finish: undefined };
  for (const c of out.chunks.flatMap((chunk) => chunk.choices)) {
    out.text += c.delta.content ?? '';
    out.refusal += c.delta.refusal ?? '';
    out.finish = c.finish_reason ?? out.finish;
  }
  return out;
}

export function chatSuite(name, OpenAI, house, client, kind = 'chat') {
  const chat = async (params, options) => client().chat.completions.create(params, options);
  const hits = (model) => house.up.hits(`${kind}:${model}`);

  test(`${name}: answers, whole`, async () => {
    const got = await chat(says('plain', 'good morning'));
    assert.equal(got.choices[0].message.content, 'Heard: good morning');
    assert.equal(got.choices[0].finish_reason, 'stop');
    assert.equal(got.usage.total_tokens, 8);
    assert.equal(got._request_id, 'req_scripted');
  });

  test(`${name}: answers, streamed`, async () => {
    const got = await collect(await chat(says('plain', 'good morning', { stream: true })));
    assert.equal(got.text, 'Heard: good morning');
    assert.equal(got.finish, 'stop');
    assert.equal(got.chunks.length, kind === 'chat' ? 4 : 5);
  });

  test(`${name}: the SDK's own accumulator`, async () => {
    const done = await client().chat.completions.stream(says('plain', 'good morning')).finalChatCompletion();
    assert.equal(done.choices[0].message.content, 'Heard: good morning');
  });

  test(`${name}: two choices`, async () => {
    const got = await chat(says('plain', 'twice please', { n: 2 }));
    assert.deepEqual(got.choices.map((c) => [c.index, c.message.content]), [[0, 'Heard: twice please'], [1, 'Heard: twice please']]);
    const done = await client().chat.completions.stream(says('plain', 'twice please', { n: 2 })).finalChatCompletion();
    assert.deepEqual(done.choices.map((c) => c.message.content), ['Heard: twice please', 'Heard: twice please']);
  });

  test(`${name}: the usage chunk`, async () => {
    const got = await collect(await chat(says('plain', 'count', { stream: true, stream_options: { include_usage: true } })));
    assert.deepEqual(got.chunks.at(-1).choices, []);
    assert.equal(got.chunks.at(-1).usage.total_tokens, 8);
  });

  test(`${name}: tools, there and back`, async () => {
    const tools = [{ type: 'function', function: { name: 'weather', description: 'Weather of a city', parameters: weather } }];
    for (const stream of [false, true]) {
      const params = says('tools', 'how is the weather in Riga?', { tools });
      const ask = async () => (stream ? await client().chat.completions.stream(params).finalChatCompletion() : await chat(params)).choices[0].message;
      const called = await ask();
      assert.equal(called.tool_calls.length, 1);
      assert.equal(called.tool_calls[0].function.name, 'weather');
      assert.deepEqual(JSON.parse(called.tool_calls[0].function.arguments), { city: 'Riga' });
      params.messages.push(called, { role: 'tool', tool_call_id: called.tool_calls[0].id, content: 'rain' });
      assert.equal((await ask()).content, 'call_1 says rain');
    }
  });

  test(`${name}: a schema reaches the model`, async () => {
    const format = { type: 'json_schema', json_schema: { name: 'form', strict: true, schema: { type: 'object' } } };
    const got = await client().chat.completions.parse(says('schema', 'fill it in', { response_format: format }));
    assert.deepEqual(JSON.parse(got.choices[0].message.content), { asked: 'json_schema', name: 'form' });
  });

  test(`${name}: a blocked prompt is one try with a reference number`, async () => {
    for (const stream of [false, true]) {
      const err = await onlyOnce(house, `${kind}:plain`, () => failure(chat(says('plain', attack, { stream }))));
      assert.ok(err instanceof OpenAI.BadRequestError, String(err));
      assert.equal(err.code, 'content_filter');
      assert.ok(err.message.includes(err.headers.get('bartizan-exchange')));
      explained(err.message);
      if (kind !== 'chat') assert.equal(err.error.innererror.code, 'ResponsibleAIPolicyViolation');
    }
  });

  test(`${name}: a blocked answer says content_filter`, async () => {
    const whole = (await chat(says('leaky', 'what is new?'))).choices[0];
    assert.equal(whole.finish_reason, 'content_filter');
    assert.equal(whole.message.content, null);
    explained(whole.message.refusal);
    const got = await collect(await chat(says('leaky', 'what is new?', { stream: true })));
    assert.equal(got.finish, 'content_filter');
    assert.doesNotMatch(got.text, /is late|Nobody/);
    explained(got.refusal);
  });

  test(`${name}: the provider's limit reaches the SDK with its Retry-After`, async () => {
    await house.up.forget();
    const err = await failure(chat(says('limited', 'now'), { maxRetries: 0 }));
    assert.ok(err instanceof OpenAI.RateLimitError);
    assert.equal(err.headers.get('retry-after'), '1');
    await house.up.forget();
    assert.equal((await chat(says('limited', 'now'))).choices[0].message.content, 'at last');
    assert.equal(await hits('limited'), 2);
  });

  test(`${name}: a provider that breaks is an error`, async () => {
    for (const stream of [false, true]) {
      const err = await failure(chat(says('broken', 'now', { stream }), { maxRetries: 0 }));
      assert.ok(err instanceof OpenAI.InternalServerError, String(err));
    }
  });

  test(`${name}: half an answer is never taken for a whole one`, async () => {
    await house.up.forget();
    await failure(chat(says('cut', 'tell me all', { stream: true })).then(collect));
    await failure(client().chat.completions.stream(says('cut', 'tell me all')).finalChatCompletion());
    assert.equal(await hits('cut'), 2);
  });

  test(`${name}: a caller who leaves stops the provider`, async () => {
    await house.up.forget();
    for await (const _ of await chat(says('endless', 'go on', { stream: true }))) break;
    await house.up.left(`${kind}:endless`);
    for (const stream of [false, true]) {
      const leave = new AbortController();
      setTimeout(() => leave.abort(), 200);
      const err = await failure(chat(says('silent', 'are you there?', { stream }), { signal: leave.signal }));
      assert.ok(err instanceof OpenAI.APIUserAbortError, String(err));
      await house.up.left(`${kind}:silent`);
    }
  });
}

export function restSuite(name, OpenAI, house) {
  const client = (key = house.key) => new OpenAI({ baseURL: house.gate + '/v1', apiKey: key });

  test(`${name}: the models of the system`, async () => {
    const names = (await all(client().models.list())).map((m) => m.id);
    assert.deepEqual(names.toSorted(), scripts.toSorted());
  });

  test(`${name}: a model that is not there, one of others, a wrong key`, async () => {
    const before = await house.calls();
    for (const model of ['nosuch', 'others']) {
      const err = await failure(client().chat.completions.create(says(model, 'hello')));
      assert.ok(err instanceof OpenAI.NotFoundError);
      assert.equal(err.code, 'model_not_found');
    }
    const err = await failure(client('bzk_' + 'wrong').chat.completions.create(says('plain', 'hello')));
    assert.ok(err instanceof OpenAI.AuthenticationError);
    assert.equal((await house.calls()) - before, 3);
    assert.equal(await house.up.hits('chat:others') + await house.up.hits('chat:nosuch'), 0);
  });

  test(`${name}: what the SDK knows nothing of arrives as it was written`, async () => {
    await client().chat.completions.create(says('plain', 'all of it', { x_house: { deep: [1.5, null, 'a\u2028b'] }, prompt_cache_key: 'k' }), { headers: { 'x-team': 'blue' } });
    const call = await house.up.last('chat:plain');
    assert.equal(call.Body, JSON.stringify(says('plain', 'all of it', { x_house: { deep: [1.5, null, 'a\u2028b'] }, prompt_cache_key: 'k' })));
    assert.deepEqual(call.Header['X-Team'], ['blue']);
  });
}

export function embeddingsSuite(name, OpenAI, house, client, kind = 'embeddings') {
  test(`${name}: embeddings, packed as the SDK asks for them`, async () => {
    for (const [input, n] of [['one text', 1], [['two', 'texts'], 2]]) {
      const got = await client().embeddings.create({ model: 'vectors', input });
      assert.equal(got.data.length, n);
      for (const d of got.data) assert.deepEqual(Array.from(d.embedding, Math.fround), vector);
      assert.equal(JSON.parse((await house.up.last(`${kind}:vectors`)).Body).encoding_format, 'base64');
    }
  });

  test(`${name}: embeddings as numbers, digit for digit`, async () => {
    const res = await client().embeddings.create({ model: 'vectors', input: 'one text', encoding_format: 'float' }).asResponse();
    assert.match(await res.text(), /\[0\.25,-0\.5,0\.10000000000000001\]/);
  });

  test(`${name}: a blocked text is not embedded, nor is what cannot be read`, async () => {
    for (const input of [attack, ['harmless', attack], [[1, 2, 3]]]) {
      const err = await onlyOnce(house, `${kind}:vectors`, () => failure(client().embeddings.create({ model: 'vectors', input })));
      assert.ok(err instanceof OpenAI.BadRequestError, String(err));
      explained(err.message);
    }
  });
}
