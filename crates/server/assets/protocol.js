// The hub's binary messages. Little-endian, nothing padded:
// u16 opcode | u16 length, uuid | u16 length, channel | u32 length, body. Texts are UTF-8.

export const Opcode = Object.freeze({ BIND: 0, UNBIND: 1, WRITE: 2, SERVER: 3 });

const NAME_BYTES_MAX = 0xffff;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes one message; `body` is a text or bytes. */
export function encode({ opcode, uuid = "", channel = "", body = "" }) {
  const id = encoder.encode(uuid);
  const name = encoder.encode(channel);
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  if (id.length > NAME_BYTES_MAX || name.length > NAME_BYTES_MAX) {
    throw new RangeError("a name is longer than 65,535 bytes");
  }
  const out = new Uint8Array(10 + id.length + name.length + bytes.length);
  const view = new DataView(out.buffer);
  let at = 0;
  const short = (value) => {
    view.setUint16(at, value, true);
    at += 2;
  };
  const put = (part) => {
    out.set(part, at);
    at += part.length;
  };
  short(opcode);
  short(id.length);
  put(id);
  short(name.length);
  put(name);
  view.setUint32(at, bytes.length, true);
  at += 4;
  put(bytes);
  return out;
}

/** Decodes one message from an `ArrayBuffer`; throws when it is cut short. */
export function decode(buffer) {
  const view = new DataView(buffer);
  let at = 0;
  const take = (length) => {
    if (at + length > buffer.byteLength) throw new RangeError("a message is cut short");
    at += length;
    return at - length;
  };
  const short = () => view.getUint16(take(2), true);
  const part = (length) => new Uint8Array(buffer, take(length), length);
  const opcode = short();
  const uuid = decoder.decode(part(short()));
  const channel = decoder.decode(part(short()));
  const body = part(view.getUint32(take(4), true));
  return { opcode, uuid, channel, body };
}

/** The text of a body. */
export function textOf(body) {
  return decoder.decode(body);
}

/** A random id, also on pages without a secure context, which have no `crypto.randomUUID`. */
export function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
