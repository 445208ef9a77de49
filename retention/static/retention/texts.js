/* Helps to write Liquid: suggests values after {{, and puts one in where one last wrote. Without it, the list of
   values below the fields says the same. */
"use strict";

(() => {
  const panel = document.querySelector("[data-texts]");
  if (!panel) {
    return;
  }
  const fields = [...document.querySelectorAll("[data-liquid]")];
  const status = panel.querySelector("[data-texts-status]");
  const values = [...panel.querySelectorAll("[data-value]")].map((row) => ({
    name: row.dataset.value,
    insert: row.dataset.insert,
    meaning: row.dataset.meaning,
    block: "block" in row.dataset,
    row,
  }));
  const BEGUN = /\{\{-?[ \t]*([\w.]*)$/;
  let last = fields.find((field) => field.dataset.liquid === "html");

  const say = (words) => {
    status.textContent = words;
  };
  const fits = (value, field) => !value.block || field.dataset.liquid === "html" || field.dataset.liquid === "text";

  const put = (field, from, to, words) => {
    field.focus();
    field.setRangeText(words, from, to, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  for (const part of panel.querySelectorAll("[data-scripted]")) {
    part.hidden = false;
  }
  for (const value of values) {
    value.row.querySelector("button").addEventListener("click", () => {
      const field = fits(value, last) ? last : fields.find((one) => fits(value, one));
      put(field, field.selectionStart, field.selectionEnd, value.insert);
      say(`${panel.dataset.inserted}: ${value.name}`);
    });
  }

  fields.forEach((field, number) => {
    const list = document.createElement("ul");
    list.className = "retention-suggestions";
    list.id = `retention-suggestions-${number}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-labelledby", "text-values");
    list.hidden = true;
    (field.closest(".flex-container") ?? field).after(list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("autocomplete", "off");
    let shown = [];
    let chosen = 0;
    let dismissed = "";

    const close = () => {
      list.hidden = true;
      list.replaceChildren();
      shown = [];
      field.removeAttribute("aria-activedescendant");
      field.removeAttribute("aria-controls");
    };

    const choose = (index) => {
      chosen = (index + shown.length) % shown.length;
      [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
      const option = list.children[chosen];
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    };

    const take = (value) => {
      const before = field.value.slice(0, field.selectionStart);
      const begun = BEGUN.exec(before);
      const rest = /^[ \t]*-?\}\}/.exec(field.value.slice(field.selectionStart));
      close();
      put(field, begun.index, field.selectionStart + (rest ? rest[0].length : 0), value.insert);
      close();
      say(`${panel.dataset.inserted}: ${value.name}`);
    };

    const suggest = () => {
      const begun = BEGUN.exec(field.value.slice(0, field.selectionStart));
      if (!begun || begun[0] === dismissed) {
        close();
        return;
      }
      dismissed = "";
      const typed = begun[1].toLowerCase();
      shown = values.filter((value) => fits(value, field) && value.name.toLowerCase().includes(typed));
      if (!shown.length) {
        close();
        say(panel.dataset.none);
        return;
      }
      list.replaceChildren(
        ...shown.map((value, index) => {
          const option = document.createElement("li");
          const name = document.createElement("code");
          option.id = `${list.id}-${index}`;
          option.setAttribute("role", "option");
          name.textContent = value.name;
          option.append(name, value.meaning);
          option.addEventListener("pointerdown", (event) => {
            event.preventDefault();
            take(value);
          });
          return option;
        }),
      );
      list.hidden = false;
      field.setAttribute("aria-controls", list.id);
      choose(0);
      say(`${shown.length}. ${panel.dataset.found}`);
    };

    field.addEventListener("focus", () => {
      last = field;
    });
    field.addEventListener("input", suggest);
    field.addEventListener("blur", close);
    field.addEventListener("keydown", (event) => {
      if (list.hidden || event.isComposing) {
        return;
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter" || event.key === "Tab") {
        take(shown[chosen]);
      } else if (event.key === "Escape") {
        dismissed = BEGUN.exec(field.value.slice(0, field.selectionStart))?.[0] ?? "";
        close();
      } else {
        return;
      }
      event.preventDefault();
    });
  });

  const frame = panel.querySelector("iframe");
  let asked = false;
  document.addEventListener("submit", (event) => {
    asked = event.submitter?.getAttribute("formtarget") === frame.name;
  });
  frame.addEventListener("load", () => {
    if (asked) {
      asked = false;
      say(panel.dataset.ready);
      frame.scrollIntoView({ block: "nearest" });
    }
  });
})();
