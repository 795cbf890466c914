// A channel with `ws`: the example of its README that sends to all others.
import { WebSocket, WebSocketServer } from "ws";

// Compression is off by default; `bufferutil` and `utf-8-validate` are used because they are installed.
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 });
server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (data, isBinary) => {
    for (const other of server.clients) {
      if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data, { binary: isBinary });
    }
  });
});
server.on("listening", () => console.log(`127.0.0.1:${server.address().port}`));
// A line asks for a collection of garbage, before memory is measured.
process.stdin.on("end", () => process.exit()).on("data", () => globalThis.gc());
