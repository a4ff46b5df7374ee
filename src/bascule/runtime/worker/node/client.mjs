// The Runtime API over one kept connection. While a handler runs the connection is idle and does not keep the process alive.

import http from "node:http";

import { errorPayload } from "./errors.mjs";

const API = "/2018-06-01/runtime";
const { Agent, request: send } = http;

export class RuntimeClient {
  constructor(address) {
    const [host, port] = address.split(":");
    this.target = { host, port: Number(port), agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
  }

  /** The next event: its headers and its body as text. Waits for as long as it takes. */
  next() {
    return this.call("GET", "/invocation/next", {}, undefined);
  }

  /** Answer an invocation. Takes the answer as JSON text. */
  postResponse(requestId, text) {
    return this.post(`/invocation/${requestId}/response`, text, {});
  }

  /** Report an error: of an invocation, or of init when there is none yet. */
  postError(error, requestId) {
    const payload = errorPayload(error);
    const path = requestId === undefined ? "/init/error" : `/invocation/${requestId}/error`;
    const type = String(payload.errorType).replace(/[^\x20-\x7e]/g, "?");
    return this.post(path, JSON.stringify(payload), { "Lambda-Runtime-Function-Error-Type": type });
  }

  /** A writable request whose body is the answer, and a promise of its end. */
  stream(requestId) {
    let request;
    const done = new Promise((resolve, reject) => {
      request = this.open(
        "POST",
        `/invocation/${requestId}/response`,
        {
          "Content-Type": "application/octet-stream",
          "Lambda-Runtime-Function-Response-Mode": "streaming",
          Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        },
        resolve,
        reject,
      );
    });
    return { request, done };
  }

  post(path, text, headers) {
    const body = Buffer.from(text, "utf8");
    const about = { "Content-Type": "application/json", "Content-Length": body.length, ...headers };
    return this.call("POST", path, about, body);
  }

  call(method, path, headers, body) {
    return new Promise((resolve, reject) => {
      this.open(method, path, headers, resolve, reject).end(body);
    });
  }

  open(method, path, headers, resolve, reject) {
    const request = send({ ...this.target, method, path: API + path, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    request.on("error", reject);
    return request;
  }
}
