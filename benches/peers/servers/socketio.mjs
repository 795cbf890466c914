// A channel with Socket.IO: a room, and `to` of a socket, which leaves out the socket itself.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
// What its page "Memory usage" says: the first request of each session is not kept.
io.engine.on("connection", (raw) => { raw.request = null; });
io.on("connection", (socket) => {
  socket.join("hello");
  socket.on("message", (data) => socket.to("hello").emit("message", data));
  // The client waits for it: what comes behind it finds the room joined.
  socket.emit("joined");
});
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(`127.0.0.1:${http.address().port}`));
// A line asks for a collection of garbage, before memory is measured.
process.stdin.on("end", () => process.exit()).on("data", () => globalThis.gc());
