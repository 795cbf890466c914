// Changing what the user has sent: another text, or none. The server tells everybody who got the message, this page too.

import { editMessage, recallMessage } from "./conversations.js";
import { Refused } from "./http.js";
import { rewritten } from "./message.js";
import { plainReason } from "./reason.js";

/** Whether a message can be changed: it is ours, it is still there, and the server says where it lies. */
export function isChangeable({ mine, pending, sequence, message }) {
  return mine && !pending && sequence !== null && message.verified && !message.gone;
}

/** Gives a message of ours another text, where it is sure to lie where we know it. Rejects with a sentence. */
export function revise(conversation, me, { sequence, raw }, text, isSure) {
  return told(() => editMessage(conversation, me, sequence, rewritten(raw, text.toWellFormed())), "edited", isSure);
}

/** Deletes a message of ours for everybody, where it is sure to lie where we know it. Rejects with a sentence. */
export function withdraw(conversation, me, { sequence }, isSure) {
  return told(() => recallMessage(conversation, me, sequence), "deleted", isSure);
}

async function told(change, done, isSure) {
  if (!isSure) throw new Error(`The message could not be ${done}: this page is not up to date with the server yet. Try again in a moment.`);
  try {
    await change();
  } catch (error) {
    console.warn("a message is not changed", error);
    throw new Error(`The message could not be ${done}: ${reasonOf(error)}.`, { cause: error });
  }
}

function reasonOf(error) {
  if (!(error instanceof Refused)) return "the server cannot be reached";
  if (error.status === 404) return "it is not there any more";
  return plainReason(error.message, "the server refuses it");
}
