// Plays rounds through several nodes and goes on when one of them dies, in one of two ways:
//   --layer attempts   calls repeated by attempts.ts at the nodes that nodes.ts chooses: a node that hangs costs a call a second
//   --layer config     gRPC's own round robin and retries, by clients/service_config.json: enough for a node that dies or drains
// It prints one line a round and, at the end, a JSON object: how many rounds were played, how many calls failed, and the longest call.
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { send } from "./attempts";
import { Caller, definitions, Message, Method } from "./api";
import { Nodes } from "./nodes";

const RELIST_MS = 3_000;
const CALL_MS = 10_000;

type Send = (wallet: string, method: Method, request: Message) => Promise<Message>;

const { values: options } = parseArgs({
  options: {
    addresses: { type: "string", default: "127.0.0.1:7400" },
    operator: { type: "string", default: "demo" },
    key: { type: "string", default: "" },
    player: { type: "string", default: `ts-${newId()}` },
    layer: { type: "string", default: "attempts" },
    proto: { type: "string", default: "../../proto" },
    "service-config": { type: "string", default: "../service_config.json" },
    rounds: { type: "string", default: "100" },
    "pace-ms": { type: "string", default: "5" },
  },
});

async function main(): Promise<number> {
  const methods = definitions(options.proto);
  const addresses = options.addresses.split(",");
  if (options.layer === "config") {
    const config = fs.readFileSync(options["service-config"], "utf8");
    const caller = new Caller(`ipv4:${addresses.join(",")}`, options.key, methods, { "grpc.service_config": config });
    const code = await play((_wallet, method, request) => caller.call(method, request, CALL_MS));
    caller.close();
    return code;
  }
  const nodes = new Nodes(addresses, (address) => new Caller(address, options.key, methods, { "grpc.enable_retries": 0 }));
  await nodes.refresh();
  const relisting = setInterval(() => void nodes.refresh(), RELIST_MS);
  const code = await play((wallet, method, request) => send(nodes, wallet, method, request));
  clearInterval(relisting);
  nodes.close();
  return code;
}

// play opens a session and plays rounds of dice; each round has one id, however often it is sent.
async function play(call: Send): Promise<number> {
  const wallet = `operators/${options.operator}/players/${options.player}/wallets/EUR`;
  const deposited = await call(wallet, "deposit", { wallet, transfer_id: newId(), amount_micros: "1000000000" });
  const opened = await call(wallet, "openSession", { wallet, session_id: newId(), game: "games/dice-10000" });
  const session = (opened["session"] as Message)["name"];
  let balance = BigInt((deposited["transfer"] as Message)["balance_micros"] as string);
  const report = { played: 0, failed: 0, longest_ms: 0, balance_off_micros: 0 };
  for (let number = 0; number < Number(options.rounds); number++) {
    const began = Date.now();
    try {
      const bet = { dice: { stake_micros: "100000", side: "DICE_SIDE_OVER", target: 5_000 } };
      const { round } = (await call(wallet, "play", { session, round_id: newId(), bet })) as { round: Record<string, string> };
      // A round that counted twice would show in the balance.
      balance += BigInt(round["payout_micros"]!) - BigInt(round["stake_micros"]!);
      report.balance_off_micros += Number(BigInt(round["balance_micros"]!) - balance);
      balance = BigInt(round["balance_micros"]!);
      report.played += 1;
      console.log(`played ${report.played}`);
    } catch (error) {
      report.failed += 1;
      console.log(`failed: ${String(error)}`);
    }
    report.longest_ms = Math.max(report.longest_ms, Date.now() - began);
    await sleep(Number(options["pace-ms"]));
  }
  console.log(JSON.stringify(report));
  return report.failed > 0 ? 1 : 0;
}

// newId is a UUIDv7 (RFC 9562) of now: the idempotency key of a round, session or transfer.
function newId(): string {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = (id[6]! & 0x0f) | 0x70;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(String(error));
    process.exit(2);
  },
);
