// gRPC's interop cases (doc/interop-test-descriptions.md of the gRPC project) by @grpc/grpc-js:
//   node client.js ADDRESS PROTO CASE [CA_FILE]
// ends with 0 where the case holds. Packages are found by NODE_PATH.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [address, proto, name, ca] = process.argv.slice(2);
const { testing } = grpc.loadPackageDefinition(loader.loadSync(proto, { keepCase: true })).grpc;
const credentials = ca ? grpc.credentials.createSsl(fs.readFileSync(ca)) : grpc.credentials.createInsecure();
const service = new testing.TestService(address, credentials);
const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";

const zeros = (size) => ({ body: Buffer.alloc(size) });
const deadline = (ms) => ({ deadline: Date.now() + ms });

// The answer of a unary or client-streaming call that `begin` makes with a callback.
const answer = (begin) => new Promise((resolve, reject) => begin((error, value) => (error ? reject(error) : resolve(value))));

// The status that a stream ends with; errors are statuses too.
const ending = (stream) => new Promise((resolve) => stream.on("error", () => undefined).on("status", resolve));

// The messages of a stream, read one at a time, so that another may be asked for in between.
async function exchange(stream, sizes, before) {
  const received = [];
  const ended = ending(stream);
  const next = () => {
    if (received.length === sizes.length) return stream.end();
    return stream.write(before(received.length));
  };
  stream.on("data", (one) => {
    received.push(one.payload.body.length);
    next();
  });
  next();
  const status = await ended;
  assert.strictEqual(status.code, grpc.status.OK, status.details);
  assert.deepStrictEqual(received, sizes);
}

async function refused(begin) {
  try {
    await answer(begin);
  } catch (error) {
    return error;
  }
  throw new Error("it was answered");
}

async function bothRefused(code, message) {
  const response_status = { code, message };
  const unary = await refused((done) => service.unaryCall({ response_status }, done));
  assert.deepStrictEqual([unary.code, unary.details], [code, message]);
  const duplex = service.fullDuplexCall();
  duplex.on("data", () => undefined);
  const ended = ending(duplex);
  duplex.write({ response_status });
  duplex.end();
  const status = await ended;
  assert.deepStrictEqual([status.code, status.details], [code, message]);
}

const cases = {
  async empty_unary() {
    assert.deepStrictEqual(await answer((done) => service.emptyCall({}, done)), {});
  },
  async large_unary() {
    const request = { response_size: 314159, payload: zeros(271828) };
    const given = await answer((done) => service.unaryCall(request, done));
    assert.ok(given.payload.body.equals(Buffer.alloc(314159)));
  },
  async client_streaming() {
    const given = await answer((done) => {
      const stream = service.streamingInputCall(done);
      for (const size of [27182, 8, 1828, 45904]) stream.write({ payload: zeros(size) });
      stream.end();
    });
    assert.strictEqual(given.aggregated_payload_size, 74922);
  },
  async server_streaming() {
    const sizes = [31415, 9, 2653, 58979];
    const stream = service.streamingOutputCall({ response_parameters: sizes.map((size) => ({ size })) });
    const received = [];
    stream.on("data", (one) => received.push(one.payload.body.length));
    assert.strictEqual((await ending(stream)).code, grpc.status.OK);
    assert.deepStrictEqual(received, sizes);
  },
  async ping_pong() {
    const asked = [27182, 8, 1828, 45904];
    const sizes = [31415, 9, 2653, 58979];
    await exchange(service.fullDuplexCall(), sizes, (at) => ({ response_parameters: [{ size: sizes[at] }], payload: zeros(asked[at]) }));
  },
  async empty_stream() {
    await exchange(service.fullDuplexCall(), [], () => undefined);
  },
  async custom_metadata() {
    const metadata = new grpc.Metadata();
    metadata.set(INITIAL, "test_initial_metadata_value");
    metadata.set(TRAILING, Buffer.from("ababab", "hex"));
    let initial, trailing;
    await answer((done) => {
      const call = service.unaryCall({ response_size: 1 }, metadata, done);
      call.on("metadata", (given) => (initial = given));
      call.on("status", (given) => (trailing = given.metadata));
    });
    await new Promise(setImmediate);
    assert.deepStrictEqual(initial.get(INITIAL), ["test_initial_metadata_value"]);
    assert.deepStrictEqual(trailing.get(TRAILING), [Buffer.from("ababab", "hex")]);
  },
  async status_code_and_message() {
    await bothRefused(2, "test status message");
  },
  async special_status_message() {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const unary = await refused((done) => service.unaryCall({ response_status: { code: 2, message } }, done));
    assert.deepStrictEqual([unary.code, unary.details], [2, message]);
  },
  async unimplemented_method() {
    assert.strictEqual((await refused((done) => service.unimplementedCall({}, done))).code, grpc.status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const other = new testing.UnimplementedService(address, credentials);
    assert.strictEqual((await refused((done) => other.unimplementedCall({}, done))).code, grpc.status.UNIMPLEMENTED);
    other.close();
  },
  async cancel_after_begin() {
    const failed = await refused((done) => service.streamingInputCall(done).cancel());
    assert.strictEqual(failed.code, grpc.status.CANCELLED);
  },
  async cancel_after_first_response() {
    const stream = service.fullDuplexCall();
    const ended = ending(stream);
    stream.on("data", () => stream.cancel());
    stream.write({ response_parameters: [{ size: 31415 }], payload: zeros(27182) });
    assert.strictEqual((await ended).code, grpc.status.CANCELLED);
  },
  async timeout_on_sleeping_server() {
    const stream = service.fullDuplexCall(deadline(1));
    const ended = ending(stream);
    stream.on("data", () => undefined);
    stream.write({ payload: zeros(27182) });
    assert.strictEqual((await ended).code, grpc.status.DEADLINE_EXCEEDED);
  },
};

const timer = setTimeout(() => {
  console.error(`${name}: not done after 20 seconds`);
  process.exit(1);
}, 20_000);
cases[name]().then(
  () => {
    clearTimeout(timer);
    service.close();
  },
  (error) => {
    console.error(`${name}:`, error);
    process.exit(1);
  },
);
