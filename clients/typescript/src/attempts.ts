// Repeats one request, under the same id, until a node has answered it or the deadline of the call has passed. The only layer that retries.
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { Message, Method } from "./api";
import { Nodes } from "./nodes";

const CALL_MS = 10_000;
const ATTEMPT_MS = 1_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

// What may pass. A full client reads the reason too (docs/integrators.md): STEP_STALE and TOO_LARGE do not.
const PASSES: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.ABORTED, status.RESOURCE_EXHAUSTED]);
const OF_THE_NODE: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

export async function send(nodes: Nodes, wallet: string, method: Method, request: Message): Promise<Message> {
  const end = Date.now() + CALL_MS;
  const tried: string[] = [];
  for (;;) {
    const node = nodes.choose(wallet, tried);
    tried.push(node.address);
    try {
      return await node.caller.call(method, request, Math.min(ATTEMPT_MS, end - Date.now()));
    } catch (error) {
      const code = codeOf(error);
      if (!PASSES.has(code) || Date.now() >= end) throw error;
      if (OF_THE_NODE.has(code)) nodes.leave(node);
    }
    // The first try elsewhere follows without a pause.
    if (tried.length > 1) await sleep(pauseMs(tried.length - 2));
  }
}

function codeOf(error: unknown): number {
  return (error as { code?: number }).code ?? status.UNKNOWN;
}

function pauseMs(earlier: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** earlier) * (0.5 + Math.random() / 2);
}
