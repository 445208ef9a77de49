/* Copies a code and says so. Without this file the code is text that can be selected, and no button is shown. */
"use strict";

(() => {
  const write = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    // a shop that is still on plain HTTP has no clipboard to write to: select the text and copy that
    const field = document.createElement("textarea");
    field.value = text;
    field.setAttribute("readonly", "");
    field.className = "retention-offscreen";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("not copied");
  };

  for (const button of document.querySelectorAll("[data-retention-copy]")) {
    const said = document.getElementById(button.getAttribute("aria-controls"));
    button.hidden = false;
    button.addEventListener("click", async () => {
      said.textContent = "";
      try {
        await write(button.dataset.retentionCopy);
        said.textContent = button.dataset.copied;
      } catch {
        said.textContent = button.dataset.failed;
      }
    });
  }
})();
