// Finds the handler ``path/module.export``: CommonJS or ES module, by file ending and by the nearest package.json.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

import {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  UserCodeSyntaxError,
} from "./errors.mjs";
import { installStreaming, isStreaming } from "./streaming.mjs";

// Errors of missing modules name the file that required them, which on AWS is this one.
const require = createRequire(new URL("./index.mjs", import.meta.url));
const NO_CALLBACKS_FROM = 24;
const CALLBACK_PARAMETERS = 3;

/** The handler function. Throws what AWS's runtime throws when there is none. */
export async function loadHandler(root, name) {
  if (name.includes("..")) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const folder = name.slice(0, name.indexOf(base));
  const dot = base.indexOf(".");
  if (dot < 0) throw new MalformedHandlerName("Bad handler");
  installStreaming();
  const loaded = await load(root, folder, base.slice(0, dot));
  const handler = base
    .slice(dot + 1)
    .split(".")
    .reduce((value, key) => value && value[key], loaded);
  if (!handler) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new HandlerNotFound(`${name} is not a function`);
  refuseCallbacks(handler);
  return handler;
}

async function load(root, folder, module) {
  try {
    return await find(root, folder, module);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(error);
    if (error?.code === "MODULE_NOT_FOUND") throw new ImportModuleError(error);
    throw error;
  }
}

async function find(root, folder, module) {
  const place = path.resolve(root, folder, module);
  const isModule = isModuleFolder(path.dirname(place));
  const ways = [
    ["", require],
    [".js", isModule ? importFile : require],
    [".mjs", importFile],
    [".cjs", require],
  ];
  for (const [ending, open] of ways) {
    const file = place + ending;
    if (fs.existsSync(file) && !fs.statSync(file).isDirectory()) {
      const loaded = await open(file);
      if (loaded) return loaded;
    }
  }
  return require(require.resolve(module, { paths: [root, path.resolve(root, folder)] }));
}

function importFile(file) {
  return import(pathToFileURL(file));
}

/** Whether the nearest package.json says that ``.js`` files are ES modules. */
function isModuleFolder(folder) {
  if (folder.endsWith("/node_modules")) return false;
  const description = path.join(folder, "package.json");
  if (fs.existsSync(description)) {
    try {
      return JSON.parse(fs.readFileSync(description, "utf8"))?.type === "module";
    } catch (error) {
      console.warn(`${description} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return folder !== "/" && isModuleFolder(path.dirname(folder));
}

function refuseCallbacks(handler) {
  const asked = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? "")?.[1] ?? 0);
  if (asked >= NO_CALLBACKS_FROM && handler.length >= CALLBACK_PARAMETERS && !isStreaming(handler)) {
    throw new CallbackHandlerDeprecated(
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify " +
        "this function to use a supported handler signature to use Node.js 24 or later. For more information see " +
        "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
}
