// Builds the page into ../static. The same sources give the same bytes, so that the bundle can be committed
// and `--check` can tell whether it is what the sources give.
import { readFile, readdir, mkdir, writeFile, copyFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(here, "../static");
const COPIED = ["index.html", "icon.svg"];

const options = {
  absWorkingDir: here,
  entryPoints: { page: "src/main.tsx" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  outdir: target,
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none", // licences.txt has every licence in full
  charset: "utf8",
  metafile: true,
  write: false,
  logLevel: "warning",
};

/** The licence of every package that is in the bundle, in the order of their names. */
async function licences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  const parts = ["The page contains these packages, under these licences.\n"];
  for (const name of [...packages].sort()) {
    const folder = join(here, "node_modules", name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).filter((each) => /^licen[cs]e/i.test(each)).sort()[0];
    const text = file ? (await readFile(join(folder, file), "utf8")).replaceAll("\r\n", "\n").trim() : "";
    parts.push(`${"=".repeat(80)}\n${name} ${about.version} (${about.license})\n\n${text}\n`);
  }
  return parts.join("\n");
}

async function outputs() {
  const result = await esbuild.build(options);
  const files = result.outputFiles.map((file) => [file.path, file.contents]);
  for (const name of COPIED) files.push([join(target, name), await readFile(join(here, "src", name))]);
  files.push([join(target, "licences.txt"), Buffer.from(await licences(result.metafile))]);
  return files;
}

async function check() {
  const stale = [];
  for (const [path, contents] of await outputs()) {
    const committed = await readFile(path).catch(() => Buffer.alloc(0));
    if (!committed.equals(Buffer.from(contents))) stale.push(path);
  }
  if (stale.length > 0) {
    console.error(`The bundle is not what the sources give: ${stale.join(", ")}\nRun: npm run build`);
    process.exitCode = 1;
  }
}

async function build() {
  await mkdir(target, { recursive: true });
  for (const [path, contents] of await outputs()) await writeFile(path, contents);
}

if (process.argv.includes("--check")) {
  await check();
} else if (process.argv.includes("--watch")) {
  for (const name of COPIED) await copyFile(join(here, "src", name), join(target, name));
  const context = await esbuild.context({ ...options, write: true, minify: false, metafile: false });
  await context.watch();
} else {
  await build();
}
