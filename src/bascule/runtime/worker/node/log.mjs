// The console, in text or JSON. An entry goes to the log pipe as a frame, so that one with several lines is one log event.

import fs from "node:fs";
import util from "node:util";

import { asError, errorPayload, withErrorParts } from "./errors.mjs";
import { shown } from "./places.mjs";

const LOG_FD = 1;
const MARK = Buffer.from([0xa5, 0x5a, 0x00, 0x03]);
const RETRY_MS = 1;
const LEVELS = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR", fatal: "FATAL" };
const ORDER = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

const pause = new Int32Array(new SharedArrayBuffer(4));

function write(text) {
  const message = Buffer.from(text, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  let rest = Buffer.concat([MARK, length, message]);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(LOG_FD, rest));
    } catch (error) {
      // The pipe does not block once something used process.stdout; the reader never stops reading.
      if (error.code !== "EAGAIN") return;
      Atomics.wait(pause, 0, 0, RETRY_MS);
    }
  }
}

function jsonErrorParts(_key, value) {
  if (!(value instanceof Error)) return value;
  const stackTrace = typeof value.stack === "string" ? shown(value.stack).split("\n") : value.stack;
  return { errorType: value.constructor?.name ?? "UnknownError", errorMessage: shown(value.message), stackTrace, ...value };
}

function jsonLine(requestId, level, parameters) {
  const entry = { timestamp: new Date().toISOString(), level, requestId };
  if (parameters.length === 1) {
    entry.message = parameters[0];
    try {
      return JSON.stringify(entry, jsonErrorParts);
    } catch {
      entry.message = util.format(entry.message);
      return JSON.stringify(entry);
    }
  }
  entry.message = shown(util.format(...parameters));
  const error = parameters.find((parameter) => parameter instanceof Error);
  if (error) Object.assign(entry, jsonErrorParts("", error), { message: entry.message });
  return JSON.stringify(entry);
}

class Log {
  requestId = undefined;

  constructor(isJson) {
    this.isJson = isJson;
  }

  entry(level, parameters) {
    const text = this.isJson
      ? jsonLine(this.requestId, level, parameters)
      : `${new Date().toISOString()}\t${this.requestId}\t${level}\t${shown(util.format(...parameters))}`;
    write(`${text}\n`);
  }

  /** Something went wrong that the runtime reports. Takes what, and whatever was thrown. */
  failure(what, thrown) {
    const error = asError(thrown);
    if (this.isJson) {
      console.error(error);
      return;
    }
    let details;
    try {
      details = JSON.stringify(error, withErrorParts);
    } catch {
      details = JSON.stringify(errorPayload(error));
    }
    console.error(what, `\t${details}`);
  }
}

/** Replace the functions of the console; gives the log behind them. */
export function createLog() {
  const log = new Log(process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON");
  const least = ORDER.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase());
  for (const [name, level] of Object.entries(LEVELS)) {
    const isWritten = level === "FATAL" || ORDER.indexOf(level) >= least;
    console[name] = isWritten ? (...parameters) => log.entry(level, parameters) : () => {};
  }
  return log;
}
