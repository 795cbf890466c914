// A channel with uWebSockets: a topic, and `publish` of a socket, which leaves out the socket itself.
import { createRequire } from "node:module";

// The package falls back to `ws` where it has no binary, with a warning; here that is an error.
const binary = `binaries/uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
const uws = createRequire(import.meta.url)(`@trufflesuite/uws-js-unofficial/${binary}`);

uws.App().ws("/*", {
  open: (socket) => socket.subscribe("hello"),
  message: (socket, message, isBinary) => socket.publish("hello", message, isBinary),
}).listen("127.0.0.1", 0, (listening) => console.log(`127.0.0.1:${uws.us_socket_local_port(listening)}`));
// A line asks for a collection of garbage, before memory is measured.
process.stdin.on("end", () => process.exit()).on("data", () => globalThis.gc());
