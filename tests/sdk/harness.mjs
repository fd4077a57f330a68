// Both ways: straight to the mock provider and through the gateway. The same
// as harness.py, for the JavaScript SDKs.

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const trimmed = (url) => url.replace(/\/+$/, '');
const MOCK = trimmed(process.env.MOCK_URL);
const GATEWAY = trimmed(process.env.SYSTEMPROMPT_URL ?? MOCK);
const METERED = GATEWAY !== MOCK;

// Long enough for a busy machine, short for the cases that wait for it.
const TIMEOUT = 10_000;

// Billionths of a dollar per token.
const RATES = {
  'claude-sonnet-4-6': { input: 3000, output: 15000, cacheRead: 300, cacheWrite5m: 3750, cacheWrite1h: 6000 },
  'gpt-4o': { input: 2500, output: 10000, cacheRead: 1250 },
  'text-embedding-3-small': { input: 20 },
  'gemini-2.5-flash': { input: 300, output: 2500, cacheRead: 30 },
  'gemini-embedding-001': { input: 150 },
};

/** Tokens in disjoint classes, but for `reasoning`: a part of `output`. */
export const tokens = (classes) => ({
  input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, reasoning: 0, ...classes,
});

/** From an Anthropic usage object; `input_tokens` excludes the cache. */
export function anthropicUsage(usage) {
  const hour = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0;
  return tokens({
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite5m: (usage.cache_creation_input_tokens ?? 0) - hour,
    cacheWrite1h: hour,
    reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
  });
}

/** From Chat, Responses or Embeddings; the cache is part of the input. */
export function openaiUsage(usage) {
  if (!usage) return null;
  const inputs = usage.input_tokens_details ?? usage.prompt_tokens_details;
  const outputs = usage.output_tokens_details ?? usage.completion_tokens_details;
  const cacheRead = inputs?.cached_tokens ?? 0;
  const cacheWrite5m = inputs?.cache_write_tokens ?? 0;
  return tokens({
    input: (usage.input_tokens ?? usage.prompt_tokens) - cacheRead - cacheWrite5m,
    output: usage.output_tokens ?? usage.completion_tokens ?? 0,
    cacheRead,
    cacheWrite5m,
    reasoning: outputs?.reasoning_tokens ?? 0,
  });
}

/** From usage metadata; thoughts are billed beside the candidates. */
export function geminiUsage(usage) {
  if (!usage) return null;
  const cacheRead = usage.cachedContentTokenCount ?? 0;
  const reasoning = usage.thoughtsTokenCount ?? 0;
  return tokens({
    input: (usage.promptTokenCount ?? 0) - cacheRead + (usage.toolUsePromptTokenCount ?? 0),
    output: (usage.candidatesTokenCount ?? 0) + reasoning,
    cacheRead,
    reasoning,
  });
}

/** The exact cost in dollars, as the gateway writes it. */
function cost(usage, model) {
  let nanos = 0n;
  for (const [name, rate] of Object.entries(RATES[model])) nanos += BigInt(usage[name] * rate);
  const digits = nanos.toString().padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '');
}

/** The token fields of a recorded request: both sides with all their parts. */
function rowTokens(usage) {
  const writes = usage.cacheWrite5m + usage.cacheWrite1h;
  return {
    input_tokens: usage.input + usage.cacheRead + writes,
    output_tokens: usage.output,
    cache_read_tokens: usage.cacheRead,
    cache_write_tokens: writes,
    reasoning_tokens: usage.reasoning,
  };
}

/** A value without what differs from call to call and without the HTTP head. */
function comparable(value) {
  const text = JSON.stringify(value, (key, part) => (key === 'sdkHttpResponse' ? undefined : part));
  return (text ?? '').replace(/mock_\d+|"created(_at)?":[\d.]+/g, '*');
}

/** The three SDKs against one host, without retries. */
class Way {
  #requestIds = [];

  constructor(anthropicUrl, openaiUrl, geminiUrl, session) {
    const headers = { 'x-systemprompt-session': session };
    const noting = async (url, init) => {
      const response = await fetch(url, init);
      this.#requestIds.push(response.headers.get('x-systemprompt-request-id'));
      return response;
    };
    const common = {
      apiKey: 'dummy', maxRetries: 0, timeout: TIMEOUT, defaultHeaders: headers, fetch: noting, logLevel: 'off',
    };
    this.anthropic = new Anthropic({ baseURL: anthropicUrl, ...common });
    this.openai = new OpenAI({ baseURL: openaiUrl, ...common });
    this.gemini = new GoogleGenAI({
      apiKey: 'dummy',
      httpOptions: { baseUrl: geminiUrl, headers, timeout: TIMEOUT, fetch: noting, retryOptions: { attempts: 1 } },
    });
  }

  async see(call) {
    this.#requestIds = [];
    const seen = { value: null, usage: null, error: null };
    try {
      [seen.value, seen.usage] = await call(this);
    } catch (error) {
      // The exception's class is what is tested.
      const name = error?.constructor?.name ?? String(error);
      seen.error = Number.isInteger(error?.status) ? `${name} ${error.status}` : name;
    }
    seen.requestId = this.#requestIds[0] ?? null;
    return seen;
  }
}

/** The cases so far and the rows they must have left. */
export class Run {
  #session = `sdk-${randomUUID()}`;
  #passed = 0;
  #failed = 0;
  #rows = new Map();
  #free = new Map();
  #requestIds = new Set();
  #headless = 0;
  #straight = new Way(MOCK, `${MOCK}/v1`, MOCK, this.#session);
  #through = new Way(`${GATEWAY}/anthropic`, `${GATEWAY}/openai/v1`, `${GATEWAY}/gemini`, this.#session);

  /**
   * Calls both ways and compares.
   *
   * `row`: fields the recorded request must have; `false`: none may be
   * recorded; absent: not looked at. `usage` in it overrides what the SDK
   * reported, `cost` may name a model. `anyError`: the ways may fail
   * differently, but both must fail.
   */
  async case(name, call, { row, raises, verify, anyError = false } = {}) {
    const straight = await this.#straight.see(call);
    const seen = METERED ? await this.#through.see(call) : straight;
    const problems = [];
    if (anyError) {
      if (!straight.error) problems.push('no error straight');
      if (!seen.error) problems.push('no error through');
    } else if (straight.error !== seen.error) {
      problems.push(`straight ${straight.error}, through ${seen.error}`);
    } else if (comparable(straight.value) !== comparable(seen.value)) {
      const [a, b] = [straight, seen].map((one) => comparable(one.value).slice(0, 600));
      problems.push(`straight ${a}\n  through ${b}`);
    }
    if (raises && !raises.test(straight.error ?? '')) {
      problems.push(`raised ${straight.error}, not ${raises}`);
    }
    if (verify && straight.error) problems.push(`raised ${straight.error}`);
    if (verify && !straight.error) {
      for (const [text, holds] of Object.entries(verify(straight))) if (!holds) problems.push(`not so: ${text}`);
    }
    if (METERED) problems.push(...this.#expectRow(name, row, seen));
    this.#report(name, problems);
  }

  #expectRow(name, row, { requestId, usage }) {
    if (!requestId) {
      // The client left before the head; what passes freely has no id.
      if (row === undefined) this.#headless += 1;
      return row ? ['no x-systemprompt-request-id'] : [];
    }
    if (this.#requestIds.has(requestId)) return [`the request id ${requestId} came twice`];
    this.#requestIds.add(requestId);
    if (row === false) this.#free.set(requestId, name);
    else if (row) this.#rows.set(requestId, { name, row, usage });
    return [];
  }

  #report(name, problems) {
    if (problems.length > 0) {
      this.#failed += 1;
      console.log(`FAILED ${name}: ${problems.join('; ')}`);
    } else {
      this.#passed += 1;
    }
  }

  /** Compares the recorded requests and prints the summary. */
  async finish() {
    if (METERED) await this.#checkRows().catch((error) => this.#report('the list of requests', [String(error)]));
    console.log(`javascript: ${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0;
  }

  async #checkRows() {
    const recorded = await this.#recorded();
    for (const [id, { name, row, usage }] of this.#rows) {
      const found = recorded.filter((one) => one.id === id);
      this.#report(`row of ${name}`, rowProblems(found, row, usage));
    }
    const twice = recorded.length - new Set(recorded.map((one) => one.id)).size;
    this.#report('no row twice', twice ? [`${twice} rows too many`] : []);
    const unknown = recorded.filter((one) => !this.#requestIds.has(one.id)).map((one) => one.id);
    this.#report('no row without a call', unknown.length > this.#headless ? unknown : []);
    const billed = recorded.filter((one) => this.#free.has(one.id)).map((one) => this.#free.get(one.id));
    this.#report('no row of a free call', billed);
  }

  /** The session's rows, once all that are wanted have ended, or after a while. */
  async #recorded() {
    const url = `${GATEWAY}/api/v1/analytics/requests/list?limit=10000&since=1h`;
    const deadline = Date.now() + 20_000;
    for (;;) {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) });
      if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
      const rows = (await response.json()).rows.filter((row) => row.session_id === this.#session);
      const ended = new Set(rows.filter((row) => !['started', 'stale'].includes(row.state)).map((row) => row.id));
      if ([...this.#rows.keys()].every((id) => ended.has(id)) || Date.now() > deadline) return rows;
      await sleep(250);
    }
  }
}

function rowProblems(found, { cost: model, usage: override, ...fields }, reported) {
  if (found.length !== 1) return [`${found.length} rows`];
  const usage = override === undefined ? reported : override;
  const expected = { ...fields, ...(usage ? rowTokens(usage) : {}) };
  if (model !== undefined) expected.cost = model && usage ? cost(usage, model) : null;
  return Object.entries(expected)
    .filter(([key, value]) => found[0][key] !== value)
    .map(([key, value]) => `${key} is ${JSON.stringify(found[0][key])}, not ${JSON.stringify(value)}`);
}
