// The Node runtime: loads the handler, then serves one event after another through the Runtime API.
//
// Behaves as AWS's does: what is logged when something fails, which errors end the process and with which status. Standard library
// only. What functions may replace (console, http, timers) is taken before their code is loaded.

import { createLog } from "./log.mjs";
import { UnhandledPromiseRejection } from "./errors.mjs";
import { loadHandler } from "./handler.mjs";
import { RuntimeClient } from "./client.mjs";
import { searchNodePath } from "./search.mjs";
import { serve } from "./invocations.mjs";

const STATUS_AFTER_EXCEPTION = 129;
const STATUS_AFTER_REJECTION = 128;

const log = createLog();
const client = new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API);
const exit = process.exit.bind(process);

async function report(error, status) {
  await client.postError(error, log.requestId);
  exit(status);
}

process.on("uncaughtException", (error) => {
  log.failure("Uncaught Exception", error);
  report(error, STATUS_AFTER_EXCEPTION);
});
process.on("unhandledRejection", (reason, promise) => {
  const error = new UnhandledPromiseRejection(reason, promise);
  log.failure("Unhandled Promise Rejection", error);
  report(error, STATUS_AFTER_REJECTION);
});

try {
  searchNodePath();
  const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  serve(handler, client, log);
} catch (error) {
  log.failure("Uncaught Exception", error);
  await report(error, STATUS_AFTER_EXCEPTION);
}
