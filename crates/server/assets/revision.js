// Changing what the user has sent: another text, or none. The server tells everybody who got the message, this page too.

import { editMessage, recallMessage } from "./conversations.js";
import { Refused } from "./http.js";
import { rewritten } from "./message.js";
import { plainReason } from "./reason.js";

/** Whether a message can be changed: it is ours, it is still there, and the server says where it lies. */
export function isChangeable({ mine, pending, sequence, message }) {
  return mine && !pending && sequence !== null && message.verified && !message.gone;
}

/** Gives a message of ours another text. Rejects with a sentence. */
export function revise(conversation, me, { sequence, raw }, text) {
  return told(editMessage(conversation, me, sequence, rewritten(raw, text.toWellFormed())), "edited");
}

/** Deletes a message of ours for everybody. Rejects with a sentence. */
export function withdraw(conversation, me, { sequence }) {
  return told(recallMessage(conversation, me, sequence), "deleted");
}

async function told(answer, done) {
  try {
    await answer;
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
