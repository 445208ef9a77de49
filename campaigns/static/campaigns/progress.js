// Looks every other second how far the codes are; without it the page says so when it is loaded again.
(function () {
  "use strict";
  var SOON = 2000, LATER = 10000;
  var place = document.querySelector("[data-progress]");
  if (!place || !window.fetch) { return; }
  var bar = place.querySelector("progress");
  var words = place.querySelector("[data-words]");
  var still = place.querySelector("[data-still]");

  function show(said) {
    if (said.state !== "running") { window.location.reload(); return; }
    bar.value = said.made;
    bar.max = said.count;
    if (words.textContent !== said.words) { words.textContent = said.words; }
    if (still.textContent !== said.still) { still.textContent = said.still; }
    window.setTimeout(look, SOON);
  }

  function look() {
    window.fetch(place.dataset.progress, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then(function (answer) { if (!answer.ok) { throw new Error(answer.status); } return answer.json(); })
      .then(show)
      .catch(function () { window.setTimeout(look, LATER); });
  }

  window.setTimeout(look, SOON);
})();
