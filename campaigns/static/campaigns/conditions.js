/* Shows the questions of the chosen condition alone. Without it, those of all are to be seen. */
"use strict";

(() => {
  document.documentElement.classList.add("campaigns-scripted");

  const show = (field) => {
    const chosen = field.querySelector("[data-condition-name]").value;
    for (const part of field.querySelectorAll("[data-condition]")) {
      part.toggleAttribute("data-chosen", part.dataset.condition === chosen);
    }
  };

  const showAll = (within) => {
    for (const field of within.querySelectorAll(".campaigns-condition")) {
      show(field);
    }
  };

  // a browser that goes back fills selects in again, after the page was read
  window.addEventListener("pageshow", () => showAll(document));
  document.addEventListener("formset:added", (event) => showAll(event.target));
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-condition-name]")) {
      show(event.target.closest(".campaigns-condition"));
    }
  });
})();
