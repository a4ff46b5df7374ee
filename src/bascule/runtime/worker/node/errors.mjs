// Errors of the runtime itself, and how any error looks in a payload and in a log line.

import util from "node:util";

import { shown } from "./places.mjs";

class RuntimeError extends Error {
  get name() {
    return `Runtime.${this.constructor.name}`;
  }
}

export class ImportModuleError extends RuntimeError {}
export class HandlerNotFound extends RuntimeError {}
export class MalformedHandlerName extends RuntimeError {}
export class UserCodeSyntaxError extends RuntimeError {}
export class MalformedStreamingHandler extends RuntimeError {}
export class CallbackHandlerDeprecated extends RuntimeError {}

export class UnhandledPromiseRejection extends RuntimeError {
  constructor(reason, promise) {
    super(reason);
    this.reason = reason;
    this.promise = promise;
  }
}

export class NodeJsExit extends RuntimeError {
  constructor() {
    super(
      "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was " +
        "never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
    );
  }
}

function isErrorLike(value) {
  return ["name", "message", "stack"].every((key) => typeof value?.[key] === "string" && value[key]);
}

function stackLines(error) {
  return shown(error.stack).split("\n");
}

/** The error object that the caller of the function gets. */
export function errorPayload(error) {
  try {
    if (util.types.isNativeError(error) || isErrorLike(error)) {
      return { errorType: error.name, errorMessage: shown(error.message), trace: stackLines(error) };
    }
    return { errorType: typeof error, errorMessage: shown(error.toString()), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
    };
  }
}

/** JSON.stringify replacer: the parts of an error that are not enumerable, then those that are. */
export function withErrorParts(_key, value) {
  if (!(value instanceof Error)) return value;
  const parts = { errorType: value.name, errorMessage: shown(value.message), code: value.code, ...value };
  if (typeof value.stack === "string") parts.stack = stackLines(value);
  return parts;
}

export function asError(value) {
  return value instanceof Error ? value : new Error(value);
}
