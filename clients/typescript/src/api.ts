// The API, loaded from proto/ when the program starts: no generated code. Names keep their form in proto/, 64-bit integers are text.
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import * as loader from "@grpc/proto-loader";

export type Message = Record<string, unknown>;

// The methods that the program calls, as /package.Service/Method.
export const METHODS = {
  listNodes: ["ClusterService", "ListNodes"],
  deposit: ["WalletService", "Deposit"],
  openSession: ["SessionService", "OpenSession"],
  play: ["RoundService", "Play"],
} as const;

export type Method = keyof typeof METHODS;

type Definition = grpc.MethodDefinition<Message, Message>;

// definitions reads proto/, found by the folder that it is in.
export function definitions(proto: string): Record<Method, Definition> {
  const files = ["cluster", "wallet", "session", "round"].map((name) => path.join("croupier/v1", `${name}_service.proto`));
  const loaded = loader.loadSync(files, { includeDirs: [proto], keepCase: true, longs: String, enums: String, defaults: true });
  const found = Object.entries(METHODS).map(([method, [service, name]]) => {
    const methods = loaded[`croupier.v1.${service}`] as unknown as Record<string, Definition> | undefined;
    const definition = methods?.[name];
    if (definition === undefined) throw new Error(`${proto} has no ${service}.${name}`);
    return [method, definition];
  });
  return Object.fromEntries(found) as Record<Method, Definition>;
}

// Caller sends one call to one node, or to whichever node gRPC chooses, within a time in milliseconds.
export class Caller {
  private readonly client: grpc.Client;

  constructor(
    target: string,
    private readonly key: string,
    private readonly methods: Record<Method, Definition>,
    options: grpc.ClientOptions,
  ) {
    this.client = new grpc.Client(target, grpc.credentials.createInsecure(), options);
  }

  call(method: Method, request: Message, timeoutMs: number): Promise<Message> {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${this.key}`);
    const { path: name, requestSerialize, responseDeserialize } = this.methods[method];
    return new Promise((resolve, reject) => {
      const done = (error: grpc.ServiceError | null, answer?: Message): void => {
        if (error !== null || answer === undefined) reject(error ?? new Error("no answer"));
        else resolve(answer);
      };
      this.client.makeUnaryRequest(name, requestSerialize, responseDeserialize, request, metadata, { deadline: Date.now() + timeoutMs }, done);
    });
  }

  close(): void {
    this.client.close();
  }
}
