// The nodes of one cluster, as ListNodes tells them; before it has answered, the addresses that were given.
import { createHash } from "node:crypto";
import { Caller } from "./api";

const EJECTED_MS = 2_000;
const LIST_TIMEOUT_MS = 1_000;

export interface Node {
  readonly address: string;
  readonly caller: Caller;
  id: string; // "" until ListNodes has told it.
  serving: boolean;
  outUntilMs: number;
}

interface Told {
  name: string;
  address: string;
  state: string;
}

export class Nodes {
  private readonly known = new Map<string, Node>();

  constructor(
    addresses: readonly string[],
    private readonly connect: (address: string) => Caller,
  ) {
    addresses.forEach((address) => this.node(address));
  }

  // choose gives the node for the next attempt of a call about a wallet: one that is not out and was not tried, and of those the one
  // that the wallet prefers.
  choose(wallet: string, tried: readonly string[]): Node {
    const now = Date.now();
    const times = (node: Node): number => tried.filter((address) => address === node.address).length;
    const isOut = (node: Node): number => (!node.serving || node.outUntilMs > now ? 1 : 0);
    const order = [...this.known.values()].sort(
      (a, b) => isOut(a) - isOut(b) || times(a) - times(b) || compare(weight(b.id, wallet), weight(a.id, wallet)) || (a.address < b.address ? -1 : 1),
    );
    return order[0]!;
  }

  // leave sends no calls to a node for a while.
  leave(node: Node): void {
    node.outUntilMs = Date.now() + EJECTED_MS;
  }

  // refresh asks one node after the other for the list, until one has answered.
  async refresh(): Promise<void> {
    const tried: string[] = [];
    while (tried.length < this.known.size) {
      const asked = this.choose("", tried);
      tried.push(asked.address);
      try {
        const answer = await asked.caller.call("listNodes", {}, LIST_TIMEOUT_MS);
        this.take(answer["nodes"] as Told[]);
        return;
      } catch {
        // The next one may answer.
      }
    }
  }

  close(): void {
    this.known.forEach((node) => node.caller.close());
  }

  private take(told: readonly Told[]): void {
    this.known.forEach((node) => (node.serving = false));
    for (const { name, address, state } of told) {
      const node = this.node(address);
      node.id = name.replace(/^nodes\//, "");
      node.serving = state === "NODE_STATE_SERVING";
    }
  }

  private node(address: string): Node {
    let node = this.known.get(address);
    if (node === undefined) {
      node = { address, caller: this.connect(address), id: "", serving: true, outUntilMs: 0 };
      this.known.set(address, node);
    }
    return node;
  }
}

// weight is how much a wallet prefers a node; tests/golden/routing.json has examples.
export function weight(node: string, wallet: string): bigint {
  return createHash("sha256").update(`${node}\0${wallet}`).digest().readBigUInt64BE();
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
