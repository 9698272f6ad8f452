// ONNX Runtime as an engine: bench/engine.h has the questions. Its session is what a user gets who asks for T threads:
// all graph optimisations, sequential execution, spinning as by default (the suite waits until it is idle again).
//
//   node onnxruntime.js FOLDER      FOLDER/node_modules has onnxruntime-node
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const ort = require(path.resolve(process.argv[2] || '.', 'node_modules', 'onnxruntime-node'));
const inputs = [];
let session, feeds, results, walked;

function peak() {
  const line = /VmHWM:\s+(\d+)/.exec(fs.readFileSync('/proc/self/status', 'latin1'));
  return line ? Number(line[1]) * 1024 : 0;
}

function evict(bytes) {
  if (!walked) walked = new Uint8Array(bytes);
  for (let i = 0; i < walked.length; i += 64) walked[i]++;
}

const questions = {
  input(rest) {
    const [, index, dims, file] = /^(\d+) (\S+) (.*)$/.exec(rest);
    const bytes = fs.readFileSync(file);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    inputs[index] = new ort.Tensor('float32', values, dims.split('x').map(Number));
    return '';
  },
  async load(rest) {
    const [, threads, model] = /^(\d+) (.*)$/.exec(rest);
    const base = peak();
    const begin = process.hrtime.bigint();
    session = await ort.InferenceSession.create(model, {
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
    });
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    feeds = {};
    session.inputNames.forEach((name, i) => { feeds[name] = inputs[i]; });
    return `${seconds.toFixed(6)} ${base}`;
  },
  async run(rest) {
    const [count, bytes] = rest.split(' ').map(Number);
    const times = [];
    for (let i = 0; i < count; i++) {
      if (bytes) evict(bytes);
      const begin = process.hrtime.bigint();
      results = await session.run(feeds);
      times.push(process.hrtime.bigint() - begin);
    }
    return times.join(' ');
  },
  output(rest) {
    const [, index, file] = /^(\d+) (.*)$/.exec(rest);
    const tensor = results[session.outputNames[index]];
    fs.writeFileSync(file, new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
    return tensor.dims.join('x');
  },
  peak: () => String(peak()),
};

(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [, word, rest] = /^(\S*) ?(.*)$/.exec(line);
    try {
      const said = await questions[word](rest);
      process.stdout.write(said ? `ok ${said}\n` : 'ok\n');
    } catch (error) {
      process.stdout.write(`error ${String(error.message).replace(/\s+/g, ' ')}\n`);
    }
  }
})();
