// The official JavaScript SDKs through the gateway: same answers, same errors,
// and each request recorded once with the tokens the SDK reported and its exact
// cost. The cases are those of suite.py where both languages have the feature.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Run, anthropicUsage, geminiUsage, openaiUsage, tokens } from './harness.mjs';

const [SONNET, GPT, FLASH] = ['claude-sonnet-4-6', 'gpt-4o', 'gemini-2.5-flash'];
const HELLO = [{ role: 'user', content: 'hi' }];
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const PARIS = '{"city": "Paris"}';

// The usage every ordinary call is answered with, in the provider's counting.
const TOKENS = 'in=1003,out=507,cache=401,reasoning=33';
const SENT = {
  messages: tokens({ input: 1003, output: 507, cacheRead: 401, reasoning: 33 }),
  chat_completions: tokens({ input: 602, output: 507, cacheRead: 401, reasoning: 33 }),
  responses: tokens({ input: 602, output: 507, cacheRead: 401, reasoning: 33 }),
  generate_content: tokens({ input: 602, output: 540, cacheRead: 401, reasoning: 33 }),
};

const mock = (options) => ({ headers: { 'x-mock': options } });
const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

// Each API in its forms: (way, options, extra arguments) → [value, usage].

const messageAsk = (more) => ({ model: SONNET, max_tokens: 64, messages: HELLO, ...more });
const chatAsk = (more) => ({ model: GPT, messages: HELLO, ...more });
const responseAsk = (more) => ({ model: GPT, input: 'hi', ...more });
const generateAsk = (options, more) => ({
  model: FLASH,
  contents: 'hi',
  config: { httpOptions: mock(options), ...more },
});

async function message(way, options, more) {
  const answer = await way.anthropic.messages.create(messageAsk(more), mock(options));
  return [answer, anthropicUsage(answer.usage)];
}

async function messageEvents(way, options, more) {
  const stream = await way.anthropic.messages.create(messageAsk({ stream: true, ...more }), mock(options));
  return [await all(stream), null];
}

async function messageHelper(way, options, more) {
  const final = await way.anthropic.messages.stream(messageAsk(more), mock(options)).finalMessage();
  return [final, anthropicUsage(final.usage)];
}

async function chat(way, options, more) {
  const answer = await way.openai.chat.completions.create(chatAsk(more), mock(options));
  return [answer, openaiUsage(answer.usage)];
}

async function chatChunks(way, options, more) {
  const stream = await way.openai.chat.completions.create(chatAsk({ stream: true, ...more }), mock(options));
  const chunks = await all(stream);
  return [chunks, openaiUsage(chunks.findLast((chunk) => chunk.usage)?.usage)];
}

const chatWithUsage = (way, options, more) =>
  chatChunks(way, options, { stream_options: { include_usage: true }, ...more });

async function chatHelper(way, options, more) {
  const ask = chatAsk({ stream_options: { include_usage: true }, ...more });
  const final = await way.openai.chat.completions.stream(ask, mock(options)).finalChatCompletion();
  return [final, openaiUsage(final.usage)];
}

async function response(way, options, more) {
  const answer = await way.openai.responses.create(responseAsk(more), mock(options));
  return [answer, openaiUsage(answer.usage)];
}

async function responseEvents(way, options, more) {
  const stream = await way.openai.responses.create(responseAsk({ stream: true, ...more }), mock(options));
  const events = await all(stream);
  return [events, openaiUsage(events.at(-1)?.response?.usage)];
}

async function responseHelper(way, options, more) {
  const final = await way.openai.responses.stream(responseAsk(more), mock(options)).finalResponse();
  return [final, openaiUsage(final.usage)];
}

async function generate(way, options, more) {
  const answer = await way.gemini.models.generateContent(generateAsk(options, more));
  return [answer, geminiUsage(answer.usageMetadata)];
}

async function generateChunks(way, options, more) {
  const chunks = await all(await way.gemini.models.generateContentStream(generateAsk(options, more)));
  return [chunks, geminiUsage(chunks.findLast((chunk) => chunk.usageMetadata)?.usageMetadata)];
}

const PLAIN = [
  ['messages', message, 'anthropic', SONNET],
  ['chat_completions', chat, 'openai', GPT],
  ['responses', response, 'openai', GPT],
  ['generate_content', generate, 'gemini', FLASH],
];
const STREAMED = [
  ['messages', messageEvents, 'anthropic', SONNET],
  ['chat_completions', chatWithUsage, 'openai', GPT],
  ['responses', responseEvents, 'openai', GPT],
  ['generate_content', generateChunks, 'gemini', FLASH],
];
const BOTH = [[false, PLAIN], [true, STREAMED]];

const row = (api, provider, model, streamed, more) => ({
  provider, api, requested_model: model, model, streamed, state: 'completed', http_status: 200, cost: model, ...more,
});

/** Ordinary answers of every API and every helper. */
async function answers(run) {
  for (const [streamed, apis] of BOTH) {
    for (const [api, call, provider, model] of apis) {
      await run.case(`${api} streamed=${streamed}`, (way) => call(way, TOKENS), {
        row: row(api, provider, model, streamed, { usage: SENT[api] }),
        verify: ({ usage }) => ({ usage: usage === null || equal(usage, SENT[api]) }),
      });
    }
  }
  const written = 'in=7,out=11,cache=13,write=17,write1h=19';
  const classes = tokens({ input: 7, output: 11, cacheRead: 13, cacheWrite5m: 17, cacheWrite1h: 19 });
  await run.case('messages with cache writes', (way) => message(way, written), {
    row: row('messages', 'anthropic', SONNET, false),
    verify: ({ usage }) => ({ usage: equal(usage, classes) }),
  });
  await run.case('messages.stream with cache writes', (way) => messageHelper(way, `${written},chunks=20`), {
    row: row('messages', 'anthropic', SONNET, true),
    verify: ({ value, usage }) => ({ text: value.content[0].text.endsWith(' w19'), usage: equal(usage, classes) }),
  });
  for (const [name, call, api] of [
    ['chat.completions.stream', chatHelper, 'chat_completions'],
    ['responses.stream', responseHelper, 'responses'],
  ]) {
    await run.case(name, (way) => call(way, `${TOKENS},chunks=20`), {
      row: row(api, 'openai', GPT, true),
      verify: ({ usage }) => ({ usage: equal(usage, SENT[api]) }),
    });
  }
  await run.case('chat stream that asks for no usage', (way) => chatChunks(way, TOKENS), {
    row: row('chat_completions', 'openai', GPT, true, { usage: SENT.chat_completions }),
    verify: ({ value, usage }) => ({
      'no chunk without choices': value.every((chunk) => chunk.choices.length > 0),
      'no usage': usage === null,
    }),
  });
}

/** The model asks for a tool, plain and streamed. */
async function tools(run) {
  const definition = { name: 'get_weather', parameters: SCHEMA };
  const anthropic = { tools: [{ name: 'get_weather', input_schema: SCHEMA }] };
  const chatTools = { tools: [{ type: 'function', function: definition }] };
  const responseTools = { tools: [{ type: 'function', strict: false, ...definition }] };
  const gemini = { tools: [{ functionDeclarations: [definition] }] };
  const usesAnthropic = ({ value }) => ({ input: value.content[0].input.city === 'Paris' });
  const usesChat = ({ value }) => ({ arguments: value.choices[0].message.tool_calls[0].function.arguments === PARIS });
  const usesResponses = ({ value }) => ({ arguments: value.output[0].arguments === PARIS });
  const usesGemini = ({ value }) => ({ args: [value].flat().at(-1).functionCalls[0].args.city === 'Paris' });
  for (const [name, call, more, api, provider, model, streamed, verify] of [
    ['messages', message, anthropic, 'messages', 'anthropic', SONNET, false, usesAnthropic],
    ['messages.stream', messageHelper, anthropic, 'messages', 'anthropic', SONNET, true, usesAnthropic],
    ['chat', chat, chatTools, 'chat_completions', 'openai', GPT, false, usesChat],
    ['chat.stream', chatHelper, chatTools, 'chat_completions', 'openai', GPT, true, usesChat],
    ['responses', response, responseTools, 'responses', 'openai', GPT, false, usesResponses],
    ['responses.stream', responseHelper, responseTools, 'responses', 'openai', GPT, true, usesResponses],
    ['generate', generate, gemini, 'generate_content', 'gemini', FLASH, false, usesGemini],
    ['generate stream', generateChunks, gemini, 'generate_content', 'gemini', FLASH, true, usesGemini],
  ]) {
    await run.case(`tool by ${name}`, (way) => call(way, `${TOKENS},tool=get_weather`, more), {
      row: row(api, provider, model, streamed, { usage: SENT[api] }),
      verify,
    });
  }
}

async function embeddings(run) {
  const openai = async (way) => {
    const ask = { model: 'text-embedding-3-small', input: ['a', 'b'] };
    const answer = await way.openai.embeddings.create(ask, mock('in=77'));
    return [answer, openaiUsage(answer.usage)];
  };
  const gemini = async (way) => {
    const config = { httpOptions: mock('in=78') };
    const ask = { model: 'gemini-embedding-001', contents: ['a', 'b'], config };
    return [await way.gemini.models.embedContent(ask), tokens({ input: 78 })];
  };
  const vectors = [[0.5, -0.25], [0.5, -0.25]];
  await run.case('openai embeddings', openai, {
    row: row('embeddings', 'openai', 'text-embedding-3-small', false),
    verify: ({ value }) => ({ vectors: equal(value.data.map((one) => one.embedding), vectors) }),
  });
  await run.case('gemini embeddings', gemini, {
    row: row('embed_content', 'gemini', 'gemini-embedding-001', false),
    verify: ({ value }) => ({ vectors: equal(value.embeddings.map((one) => one.values), vectors) }),
  });
}

/** Free calls leave no row; what is not metered passes all the same. */
async function sideEndpoints(run) {
  const count = async (way) => {
    const ask = { model: SONNET, messages: HELLO };
    return [await way.anthropic.messages.countTokens(ask, mock('in=77')), null];
  };
  await run.case('count_tokens', count, { row: false, verify: ({ value }) => ({ count: value.input_tokens === 77 }) });
  for (const [name, list] of [
    ['anthropic models', (way) => way.anthropic.models.list()],
    ['openai models', (way) => way.openai.models.list()],
    ['gemini models', (way) => way.gemini.models.list()],
  ]) {
    await run.case(name, async (way) => [await all(await list(way)), null], {
      row: false,
      verify: ({ value }) => ({ 'one model': value.length === 1 }),
    });
  }
  const image = async (way) => [await way.openai.images.generate({ model: 'gpt-image-1', prompt: 'hi' }), null];
  await run.case('openai images', image, { verify: ({ value }) => ({ image: Boolean(value.data[0].b64_json) }) });
}

/** Bytes that come in unusual ways are still the same answer. */
async function transport(run) {
  const unusual = [
    ['split', 'split=1,slow=1', 'split=2,gzip', 'gzip', 'crlf', 'bigevent', 'length', 'nofinalnl'],
    ['split=3,chunked', 'gzip', 'bigevent', 'delay=50'],
  ];
  for (const [streamed, apis] of BOTH) {
    for (const options of unusual[streamed ? 0 : 1]) {
      for (const [api, call, provider, model] of apis) {
        await run.case(`${api} streamed=${streamed} ${options}`, (way) => call(way, `${TOKENS},${options}`), {
          row: row(api, provider, model, streamed, { usage: SENT[api] }),
        });
      }
    }
  }
}

/** The right exception class for every status, plain and streamed. */
async function errors(run) {
  for (const [status, expected] of [
    [400, 'BadRequestError'],
    [401, 'AuthenticationError'],
    [403, 'PermissionDeniedError'],
    [404, 'NotFoundError'],
    [429, 'RateLimitError'],
    [500, 'InternalServerError'],
    [503, 'InternalServerError|ServiceUnavailableError'],
    [529, 'InternalServerError|OverloadedError'],
  ]) {
    for (const [streamed, apis] of BOTH) {
      for (const [api, call, provider, model] of apis) {
        const named = provider === 'gemini' ? 'ApiError' : expected;
        await run.case(`${api} streamed=${streamed} ${status}`, (way) => call(way, `status=${status}`), {
          raises: new RegExp(`^(${named}) ${status}$`),
          row: row(api, provider, model, streamed, { state: 'failed', http_status: status, cost: null }),
        });
      }
    }
  }
}

/** What breaks on the way breaks in the same manner through the gateway. */
async function faults(run) {
  for (const [api, call, provider, model] of STREAMED) {
    const { cost, ...failed } = row(api, provider, model, true, { state: 'failed' });
    const faulty = (name, options, checks) => run.case(`${api} ${name}`, (way) => call(way, options), checks);
    await faulty('error in the stream', 'midstream-error', { row: failed });
    await faulty('broken events', 'badsse');
    await faulty('stream cut in half', 'malformed');
    await faulty('stream without usage', 'nousage', { row: row(api, provider, model, true, { cost: null }) });
    // A close reaches the client as a close, a reset perhaps as one.
    await faulty('stream closed early', 'close=400', { raises: /./, row: failed });
    await faulty('stream reset', 'cut=400', { anyError: true, row: failed });
  }
  for (const [api, call] of PLAIN) {
    await run.case(`${api} malformed body`, (way) => call(way, 'malformed'), { raises: /./ });
    await run.case(`${api} body closed early`, (way) => call(way, 'close=50'), { anyError: true });
  }
  const hanging = { ...mock('hang-header'), timeout: 500 };
  const messages = (way) => way.anthropic.messages.create(messageAsk(), hanging);
  const completions = (way) => way.openai.chat.completions.create(chatAsk(), hanging);
  await run.case('messages hang', async (way) => [await messages(way), null], { raises: /Timeout/ });
  await run.case('chat hangs', async (way) => [await completions(way), null], { raises: /Timeout/ });
}

/** Every body recorded from the real providers. */
async function recordings(run) {
  const embedding = async (way, options) => {
    const ask = { model: 'text-embedding-3-small', input: 'a', encoding_format: 'float' };
    const answer = await way.openai.embeddings.create(ask, mock(options));
    return [answer, openaiUsage(answer.usage)];
  };
  const calls = {
    'anthropic messages no': ['messages', message],
    'anthropic messages sse': ['messages', messageHelper],
    'openai chat no': ['chat_completions', chat],
    'openai chat sse': ['chat_completions', chatWithUsage],
    'openai responses no': ['responses', response],
    'openai responses sse': ['responses', responseEvents],
    'openai embeddings no': ['embeddings', embedding],
    'gemini generateContent no': ['generate_content', generate],
    'gemini streamGenerateContent sse': ['generate_content', generateChunks],
  };
  const index = await readFile(join(process.env.RECORDINGS, 'index.tsv'), 'utf8');
  for (const line of index.trimEnd().split('\n').slice(1)) {
    const [file, provider, recorded, stream, status] = line.split('\t');
    const [api, call] = calls[`${provider} ${recorded} ${stream}`];
    const expected = { provider, api, streamed: stream === 'sse' };
    if (status) {
      expected.http_status = Number(status);
      expected.state = status === '200' ? 'completed' : 'failed';
    }
    // Other attempts and other models are billed beside the top level.
    if (/compaction|advisor|fallback/.test(line.split('\t').at(-1))) expected.usage = null;
    await run.case(`recording ${file}`, (way) => call(way, `rec:${file}`), { row: expected });
  }
}

const run = new Run();
for (const part of [answers, tools, embeddings, sideEndpoints, transport, errors, faults, recordings]) await part(run);
process.exitCode = (await run.finish()) ? 0 : 1;
