/* Shows the questions of the chosen condition and hides those of the others. Without it, all are to be seen. */
"use strict";

(() => {
  const show = (field) => {
    const chosen = field.querySelector("[data-condition-name]").value;
    for (const part of field.querySelectorAll("[data-condition]")) {
      part.hidden = part.dataset.condition !== chosen;
    }
  };

  const showAll = (within) => {
    for (const field of within.querySelectorAll(".campaigns-condition")) {
      show(field);
    }
  };

  document.addEventListener("DOMContentLoaded", () => showAll(document));
  document.addEventListener("formset:added", (event) => showAll(event.target));
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-condition-name]")) {
      show(event.target.closest(".campaigns-condition"));
    }
  });
})();
