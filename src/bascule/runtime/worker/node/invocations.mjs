// One event after another: the context, the three ways a handler answers (promise, callback, context methods), and when it is done.
//
// A callback's answer waits for an empty event loop unless ``callbackWaitsForEmptyEventLoop`` is false; Node says that the loop is
// empty by ``beforeExit``, and the next request to the Runtime API keeps the process alive.

import { NodeJsExit } from "./errors.mjs";
import { isStreaming, runStreaming } from "./streaming.mjs";

const HEADERS = "lambda-runtime-";
const soon = setImmediate;
const now = Date.now;

let whenLoopIsEmpty = () => {};

/** Serve for as long as the process lives. */
export function serve(handler, client, log) {
  process.on("beforeExit", () => whenLoopIsEmpty());
  const once = isStreaming(handler) ? streamOnce : answerOnce;
  const again = () => soon(() => once(handler, client, log, again).catch((error) => crash(error)));
  again();
}

function crash(error) {
  // Nothing of a handler ends here: this is the Runtime API gone, or a mistake of ours.
  soon(() => {
    throw error;
  });
}

async function nextEvent(client, log) {
  const { headers, text } = await client.next();
  const requestId = headers[`${HEADERS}aws-request-id`];
  log.requestId = requestId;
  const trace = headers[`${HEADERS}trace-id`];
  if (trace) process.env._X_AMZN_TRACE_ID = trace;
  else delete process.env._X_AMZN_TRACE_ID;
  return { requestId, headers, text };
}

function contextOf(headers) {
  const deadline = Number(headers[`${HEADERS}deadline-ms`]);
  const environment = process.env;
  return {
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers[`${HEADERS}client-context`], "ClientContext"),
    identity: parsed(headers[`${HEADERS}cognito-identity`], "CognitoIdentity"),
    invokedFunctionArn: headers[`${HEADERS}invoked-function-arn`],
    awsRequestId: headers[`${HEADERS}aws-request-id`],
    tenantId: headers[`${HEADERS}aws-tenant-id`],
    getRemainingTimeInMillis: () => deadline - now(),
  };
}

function parsed(text, name) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(text, "latin1").toString("utf8"));
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

async function streamOnce(handler, client, log, again) {
  const { requestId, headers, text } = await nextEvent(client, log);
  whenLoopIsEmpty = () => {};
  await runStreaming(handler, JSON.parse(text), contextOf(headers), requestId, client, log);
  again();
}

async function answerOnce(handler, client, log, again) {
  const { requestId, headers, text } = await nextEvent(client, log);
  const ending = new Ending(requestId, client, log, again);
  whenLoopIsEmpty = () => ending.loopIsEmpty(handler.constructor?.name === "AsyncFunction");
  try {
    const context = Object.assign(ending.context(), contextOf(headers));
    const result = handler(JSON.parse(text), context, ending.callback);
    if (typeof result?.then === "function") result.then(context.succeed, context.fail).catch(context.fail);
  } catch (error) {
    ending.callback(error);
  }
}

/** How one invocation ends: by whatever the handler calls first. */
class Ending {
  constructor(requestId, client, log, again) {
    this.requestId = requestId;
    this.client = client;
    this.log = log;
    this.again = again;
    this.isOver = false;
    this.waitsForEmptyLoop = true;
  }

  context() {
    const ending = this;
    return {
      get callbackWaitsForEmptyEventLoop() {
        return ending.waitsForEmptyLoop;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        ending.waitsForEmptyLoop = value;
      },
      succeed: (result) => this.first(() => this.respond(result)),
      fail: (error) => this.first(() => this.fail(error ?? "handled")),
      done: (error, result) => this.first(() => (isNothing(error) ? this.respond(result) : this.fail(error))),
    };
  }

  callback = (error, result) => {
    this.first(() => {
      if (!isNothing(error)) this.fail(error);
      else if (!this.waitsForEmptyLoop) this.respond(result);
      else whenLoopIsEmpty = () => soon(() => this.respond(result));
    });
  };

  /** Nothing is left to do and nobody has answered: a promise that never settles is an error, a forgotten callback is null. */
  loopIsEmpty(isAsync) {
    this.first(() => (isAsync ? this.fail(new NodeJsExit()) : this.respond(null)));
  }

  first(act) {
    if (this.isOver) return;
    act();
    this.isOver = true;
  }

  respond(result) {
    const text = stringified(result);
    this.post(() => this.client.postResponse(this.requestId, text));
  }

  fail(error) {
    this.log.failure("Invoke Error", error);
    this.post(() => this.client.postError(error, this.requestId));
  }

  post(send) {
    whenLoopIsEmpty = () => {};
    send().then(this.again, crash);
  }
}

function isNothing(error) {
  return error === undefined || error === null;
}

function stringified(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}
