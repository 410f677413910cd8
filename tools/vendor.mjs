// Puts the page scripts that npm fetched, each with its licence, where the web process serves them. What comes as sources only is
// bundled into one file.
import { cp, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const target = join(root, "hotline", "web", "static", "vendor");

const files = {
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "htmx.org/dist/ext/hx-sse.min.js": "hx-sse.min.js",
  "htmx.org/LICENSE": "licences/htmx.txt",
  "echarts/dist/echarts.min.js": "echarts.min.js",
  "echarts/LICENSE": "licences/echarts.txt",
  "echarts/NOTICE": "licences/echarts-notice.txt",
  "echarts/licenses/LICENSE-d3": "licences/echarts-d3.txt",
  "leaflet/dist/leaflet.js": "leaflet/leaflet.js",
  "leaflet/dist/leaflet.css": "leaflet/leaflet.css",
  "leaflet/dist/images": "leaflet/images",
  "leaflet/LICENSE": "licences/leaflet.txt",
  "jssip/LICENSE.md": "licences/jssip.txt",
  "debug/LICENSE": "licences/jssip-debug.txt",
  "events/LICENSE": "licences/jssip-events.txt",
  "ms/license.md": "licences/jssip-ms.txt",
  "sdp-transform/LICENSE": "licences/jssip-sdp-transform.txt",
};

await rm(target, { recursive: true, force: true });
for (const [from, to] of Object.entries(files)) {
  await mkdir(dirname(join(target, to)), { recursive: true });
  await cp(join(modules, from), join(target, to), { recursive: true });
}
await build({
  entryPoints: [join(modules, "jssip", "lib", "JsSIP.js")],
  outfile: join(target, "jssip.min.js"),
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "JsSIP",
  logLevel: "warning",
});
