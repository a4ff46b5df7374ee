// The program of the conformance suite in JavaScript: does what `do` says.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

class Mine extends Error {
  constructor(message) {
    super(message);
    this.name = "Mine";
  }
}

export const handler = async (event) => {
  switch (event.do) {
    case "fail":
      throw new Mine("as asked");
    case "hang":
      return setTimeout(600_000);
    case "exit":
      return process.exit(3);
    case "memory":
      globalThis.hold = Buffer.alloc(400 * 1024 * 1024, 1);
      return setTimeout(600_000);
    case "variables":
      return `${process.env.STAGE} ${process.env.AWS_LAMBDA_FUNCTION_NAME} ${process.env._HANDLER}`;
    case "tmp": {
      const mark = join(tmpdir(), "mark");
      const wasThere = existsSync(mark);
      writeFileSync(mark, "");
      return wasThere ? "kept" : "new";
    }
    case "say":
      console.log("to output");
      return "said";
    case "large":
      return "x".repeat(event.size);
    case "layer":
      return execFileSync("layer-says", { encoding: "utf8" }).trim();
    default:
      return event;
  }
};
