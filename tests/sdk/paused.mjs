// A budget that is used up, as the official JavaScript SDKs see it: their own
// class for rate limits, at once, with retries left as they come out of the box.
//
// Needs a gateway with a budget of 0 for the agent `paused` that pauses requests.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const gateway = process.env.SYSTEMPROMPT_URL.replace(/\/$/, '');
const budget = 'daily_cost-agent-paused';
const messages = [{ role: 'user', content: 'hi' }];

let sent = 0;
const common = {
  apiKey: 'dummy',
  defaultHeaders: { 'x-systemprompt-agent': 'paused' },
  fetch: (...args) => {
    sent += 1;
    return fetch(...args);
  },
};
const claude = new Anthropic({ baseURL: `${gateway}/anthropic`, ...common });
const gpt = new OpenAI({ baseURL: `${gateway}/openai/v1`, ...common });

const askClaude = (more) => claude.messages.create({ model: 'claude-sonnet-4-6', max_tokens: 64, messages, ...more });
const askGpt = (more) => gpt.chat.completions.create({ model: 'gpt-4o', messages, ...more });

const cases = {
  messages: [askClaude, Anthropic.RateLimitError],
  'messages stream': [() => askClaude({ stream: true }), Anthropic.RateLimitError],
  chat: [askGpt, OpenAI.RateLimitError],
  'chat stream': [() => askGpt({ stream: true }), OpenAI.RateLimitError],
  responses: [() => gpt.responses.create({ model: 'gpt-4o', input: 'hi' }), OpenAI.RateLimitError],
};

let [passed, failed] = [0, 0];
for (const [name, [call, expected]] of Object.entries(cases)) {
  sent = 0;
  let wrong = 'went through';
  try {
    await call();
  } catch (error) {
    const right = error instanceof expected && error.status === 429 && error.message.includes(budget) && sent === 1;
    wrong = right ? null : `${error.constructor.name} ${error.status} after ${sent} requests: ${error.message}`;
  }
  if (wrong) console.log(`FAILED paused ${name}: ${wrong}`);
  wrong ? (failed += 1) : (passed += 1);
}
console.log(`javascript: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
