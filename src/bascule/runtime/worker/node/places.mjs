// Where things are on this machine, and what their authors call those places.

import fs from "node:fs";

const LAYERS_VARIABLE = "_BASCULE_LAYER_ROOT";

const known = [
  [process.env.LAMBDA_RUNTIME_DIR, "/var/runtime"],
  [process.env.LAMBDA_TASK_ROOT, "/var/task"],
  [process.env[LAYERS_VARIABLE], "/opt"],
].filter(([place]) => place);
delete process.env[LAYERS_VARIABLE];

const names = new Map(known);
for (const [place, name] of known) names.set(fs.realpathSync(place), name);

/** Text with the places of code, layers and runtime as they are called on AWS. */
export function shown(text) {
  let result = String(text);
  for (const [place, name] of names) result = result.replaceAll(place, name);
  return result;
}
