// model.mjs PORT PROGRAM ARGUMENTS…: runs an agent beside its model, which this plays
// on loopback. Every question gets one short answer, once the file `answer` stands in
// the directory. The streams of Anthropic's Messages and of OpenAI's Responses, as
// their references describe them.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';

const kAnswer = 'Nothing to do.';

function sse(response, events) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [name, data] of events) {
    if (name) response.write(`event: ${name}\n`);
    response.write(`data: ${JSON.stringify(data)}\n\n`);
  }
  response.end();
}

function anthropic(request, response) {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: request.model,
                    content: [], stop_reason: null, stop_sequence: null, usage };
  const text = { type: 'text', text: kAnswer };
  if (!request.stream) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...message, content: [text], stop_reason: 'end_turn' }));
    return;
  }
  const block = (type, rest) => [type, { type, index: 0, ...rest }];
  sse(response, [
    ['message_start', { type: 'message_start', message }],
    block('content_block_start', { content_block: { type: 'text', text: '' } }),
    block('content_block_delta', { delta: { type: 'text_delta', text: kAnswer } }),
    block('content_block_stop', {}),
    ['message_delta', { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }],
    ['message_stop', { type: 'message_stop' }],
  ]);
}

function openai(request, response) {
  const item = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed',
                 content: [{ type: 'output_text', text: kAnswer, annotations: [] }] };
  const body = { id: 'resp_1', object: 'response', status: 'completed', model: request.model,
                 output: [item], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2,
                   input_tokens_details: { cached_tokens: 0 },
                   output_tokens_details: { reasoning_tokens: 0 } } };
  sse(response, [
    ['response.created', { type: 'response.created', response: { ...body, output: [] } }],
    ['response.output_item.done', { type: 'response.output_item.done', output_index: 0, item }],
    ['response.completed', { type: 'response.completed', response: body }],
  ]);
}

function whenAllowed(answer) {
  if (existsSync('answer')) answer();
  else setTimeout(() => whenAllowed(answer), 20);
}

const server = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => { text += chunk; });
  request.on('end', () => {
    const answers = { '/v1/messages': anthropic, '/v1/responses': openai };
    const answer = answers[request.url.split('?')[0]];
    if (answer && text) return whenAllowed(() => answer(JSON.parse(text), response));
    response.writeHead(404);
    response.end('{}');
  });
});

const [port, program, ...rest] = process.argv.slice(2);
server.listen(Number(port), '127.0.0.1', () => {
  const agent = spawn(program, rest, { stdio: 'inherit' });
  agent.on('error', (error) => { console.error(error.message); process.exit(127); });
  agent.on('exit', (code) => process.exit(code ?? 1));
});
