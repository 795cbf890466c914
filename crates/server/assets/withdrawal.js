// Asks before a message is deleted for everybody: there is no way back.

export class Withdrawal {
  #asked = null;

  /** Calls `onwanted` with the record that is to go, and its conversation. */
  constructor(dialog, onwanted) {
    this.dialog = dialog;
    this.text = dialog.querySelector("#withdrawal-text");
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close();
      onwanted(...this.#asked);
    });
    dialog.addEventListener("close", () => (this.text.textContent = ""));
    dialog.querySelector("#withdrawal-keep").addEventListener("click", () => dialog.close());
  }

  ask(record, entry) {
    this.#asked = [record, entry];
    this.text.textContent = record.message.text;
    this.dialog.showModal();
  }
}
