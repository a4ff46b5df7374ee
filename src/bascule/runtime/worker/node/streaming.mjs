// Handlers that write their answer to a stream (``awslambda.streamifyResponse``).

import { errorPayload } from "./errors.mjs";

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8);

/** Whether a handler was made by ``streamifyResponse``. */
export function isStreaming(handler) {
  return handler[STREAMING] === "response";
}

/** Define ``awslambda`` for handlers. */
export function installStreaming() {
  globalThis.awslambda = {
    streamifyResponse(handler) {
      handler[STREAMING] = "response";
      return handler;
    },
    HttpResponseStream: {
      /** A stream that first says status and headers: with what is written first, so that a handler may still fail before. */
      from(stream, prelude) {
        const { write, end } = stream;
        const head = Buffer.concat([Buffer.from(JSON.stringify(prelude)), PRELUDE_END]);
        const first = (then) =>
          function (...given) {
            Object.assign(stream, { write, end });
            stream.write(head);
            return then.apply(stream, given);
          };
        stream.setContentType(HTTP_RESPONSE);
        return Object.assign(stream, { write: first(write), end: first(end) });
      },
    },
  };
}

/** Run a streaming handler once; the answer has been sent when this returns. */
export async function runStreaming(handler, event, context, requestId, client, log) {
  const { request, done } = client.stream(requestId);
  request.setContentType = (type) => request.setHeader("Content-Type", type);
  // A failure of the request is seen where ``done`` is awaited.
  done.catch(() => {});
  try {
    const running = handler(event, request, context);
    if (typeof running?.then !== "function") throw "Streaming does not support non-async handlers.";
    if ((await running) !== undefined) console.warn("Streaming handlers ignore return values.");
    if (!request.writableEnded) throw "Response stream is not finished.";
    await done;
  } catch (error) {
    log.failure("Invoke Error", error);
    if (request.headersSent) {
      await breakOff(request, error, done);
    } else {
      request.on("error", () => {});
      request.destroy();
      await client.postError(error, requestId);
    }
  }
}

async function breakOff(request, error, done) {
  const payload = errorPayload(error);
  if (!request.writableEnded) {
    request.addTrailers({
      "Lambda-Runtime-Function-Error-Type": String(payload.errorType).replace(/[^\x20-\x7e]/g, "?"),
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(payload)).toString("base64"),
    });
    request.end();
  }
  await done;
}
