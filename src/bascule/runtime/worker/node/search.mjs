// Where ES modules are looked for besides the function's own node_modules: NODE_PATH, as AWS's runtime does and Node itself does not.
//
// The hook runs in a thread of its own, so it is registered only when one of those directories exists.

import fs from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const NOT_FOUND = "ERR_MODULE_NOT_FOUND";

function places() {
  const listed = (process.env.NODE_PATH ?? "").split(path.delimiter);
  return listed.filter((place) => path.basename(place) === "node_modules" && fs.existsSync(place));
}

/** Look there, too, from now on. */
export function searchNodePath() {
  if (register && places().length > 0) register(import.meta.url);
}

/** Node's hook: what Node finds wins. */
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error?.code !== NOT_FOUND || /^[./]|^\w+:/.test(specifier)) throw error;
    for (const place of places()) {
      try {
        return await next(specifier, { ...context, parentURL: pathToFileURL(path.join(place, "..", "index.mjs")).href });
      } catch (other) {
        if (other?.code !== NOT_FOUND) throw other;
      }
    }
    throw error;
  }
}
