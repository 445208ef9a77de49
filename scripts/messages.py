#!/usr/bin/env python
"""Collects the texts of each app into its .po files and compiles them.

With --check nothing is written: what is missing, unfinished or stale is listed, and the exit
status is 1. Reading the texts out of the code takes GNU gettext; without it --check says so
and looks at the rest.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
APPS = ["retention", "campaigns", "loyalty"]
PLURALS = {
    "es": "nplurals=2; plural=(n != 1);",
    "ru": "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);",
    "zh_Hans": "nplurals=1; plural=0;",
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|{{.*?}}|{\w*}")


def main() -> None:
    """Collect, or check."""
    check = "--check" in sys.argv[1:]
    able = shutil.which("xgettext") is not None
    if not able and not check:
        sys.exit("Collecting texts takes GNU gettext (on Debian and Ubuntu: apt-get install gettext).")
    if not able:
        print("There is no xgettext here, so texts are not compared with the code.")
    faults = []
    for app in APPS:
        wanted = read_code(app) if able else None
        for language in PLURALS:
            if wanted is not None and not check:
                update(app, language, wanted)
            faults += find_faults(app, language, wanted)
    for fault in faults:
        print(fault)
    if check and faults:
        sys.exit("Translations are not fresh: `make messages`, then translate what is empty, then `make messages`.")


def read_code(app: str) -> polib.POFile:
    """Collect the texts of an app's code and of its templates, which lie elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, app)
        shutil.copytree(ROOT / app, copy, ignore=shutil.ignore_patterns("locale", "__pycache__"))
        templates = ROOT / "templates" / app
        if templates.exists():
            shutil.copytree(templates, copy / "templates" / app)
        (copy / "locale").mkdir()
        subprocess.run(
            [
                *(sys.executable, "-m", "django", "makemessages", "--all", "--keep-pot", "--no-location"),
                *("--extension", "html,txt,py", "--verbosity", "0"),
            ],
            cwd=copy,
            check=True,
        )
        pot = copy / "locale" / "django.pot"
        return polib.pofile(str(pot)) if pot.exists() else polib.POFile()


def update(app: str, language: str, wanted: polib.POFile) -> None:
    """Bring a .po file to the wanted texts, in their alphabetical order, and compile it."""
    path = po_path(app, language)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = polib.pofile(str(path)) if path.exists() else polib.POFile()
    known = {key(entry): entry for entry in old if not entry.obsolete}
    new = polib.POFile(wrapwidth=100)
    # No dates: two runs over the same texts write the same file.
    new.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": PLURALS[language],
    }
    for entry in sorted(wanted, key=key):
        same = known.get(key(entry))
        if same is not None:
            entry.msgstr, entry.msgstr_plural = same.msgstr, same.msgstr_plural
        else:
            entry.msgstr = ""
            entry.msgstr_plural = dict.fromkeys(range(plural_count(language)), "") if entry.msgid_plural else {}
        new.append(entry)
    new.save(str(path))
    # As it is read again, so that check and compilation see the same.
    path.with_suffix(".mo").write_bytes(polib.pofile(str(path)).to_binary())


def find_faults(app: str, language: str, wanted: polib.POFile | None) -> Iterator[str]:
    """Say what is missing, unfinished, broken or stale in one language of one app."""
    path = po_path(app, language)
    name = path.relative_to(ROOT)
    if not path.exists():
        yield f"{name}: there is none"
        return
    found = polib.pofile(str(path))
    for entry in found:
        if entry.obsolete:
            yield f"{name}: no longer used: {entry.msgid!r}"
        elif entry.fuzzy:
            yield f"{name}: a guess: {entry.msgid!r}"
        else:
            yield from (f"{name}: {fault}: {entry.msgid!r}" for fault in faults_of(entry, language))
    if wanted is not None:
        ours, theirs = {key(entry) for entry in found}, {key(entry) for entry in wanted}
        yield from (f"{name}: not collected: {text[1]!r}" for text in sorted(theirs - ours))
        yield from (f"{name}: no longer in the code: {text[1]!r}" for text in sorted(ours - theirs))
    compiled = path.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != found.to_binary():
        yield f"{compiled.relative_to(ROOT)}: stale"


def faults_of(entry: polib.POEntry, language: str) -> Iterator[str]:
    """Say what is wrong with one translation."""
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if entry.msgid_plural and len(texts) != plural_count(language):
        yield f"not {plural_count(language)} plural forms"
    if not all(texts):
        yield "untranslated"
        return
    # A plural form may say "one" in words; none may ask for what the code does not give.
    known = set(PLACEHOLDER.findall(entry.msgid + (entry.msgid_plural or "")))
    for text in texts:
        used = set(PLACEHOLDER.findall(text))
        if used - known or (not entry.msgid_plural and known - used):
            yield f"other placeholders in {text!r}"


def key(entry: polib.POEntry) -> tuple[str, str, str]:
    """Tell two texts apart: by context, text and plural."""
    return entry.msgctxt or "", entry.msgid, entry.msgid_plural or ""


def plural_count(language: str) -> int:
    """Say how many plural forms a language has."""
    return int(PLURALS[language].removeprefix("nplurals=").partition(";")[0])


def po_path(app: str, language: str) -> Path:
    """Say where an app keeps a language."""
    return ROOT / app / "locale" / language / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    main()
