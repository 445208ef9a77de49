"""What people type or paste is read as the code that they meant."""

from __future__ import annotations

import time

import pytest

from retention import typed

CODE = "WELCOME-ABCD2345EFGH"


@pytest.mark.parametrize(
    "said",
    [
        "welcome-abcd2345efgh",
        "  Welcome-ABCD 2345 EFGH\n",
        "WEL\u200bCOME-AB\u00adCD\u20602345\ufeffEFGH\u200e",
        "ＷＥＬＣＯＭＥ－ＡＢＣＤ２３４５ＥＦＧＨ",
        "WELCOME–ABCD2345EFGH",
        "WELCOME—ABCD2345EFGH",
        "WELCOME‑ABCD2345EFGH",
        "WELCOME−ABCD2345EFGH",
        "WELCOME\u3000-\u00a0ABCD\u20092345EFGH",
        "𝐖𝐄𝐋𝐂𝐎𝐌𝐄-𝟐345".replace("𝟐345", "ABCD𝟐345EFGH"),
        "WELCOME-ABCD\ufe0f2345EFGH\u2800",
    ],
)
def test_one_code_however_it_is_written(said: str) -> None:
    assert typed.code(said) == CODE


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("АВЕКМНОРСТХУ", "ABEKMHOPCTXY"),  # a Russian keyboard
        ("авекмнорстху", "ABEKMHOPCTXY"),
        ("ІЈЅ", "IJS"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),  # a Greek one
        ("αβεζηικμνορτυχ", "ABEZHIKMNOPTYX"),
        ("İı", "II"),  # a Turkish one
    ],
)
def test_letters_of_other_keyboards_are_the_latin_ones_that_look_the_same(said: str, code: str) -> None:
    assert (typed.code(said), said.isascii(), typed.code(said).isascii()) == (code, False, True)


def test_letters_and_digits_that_look_alike_stay_apart() -> None:
    assert typed.code("0O1IL8B5S2Z") == "0O1IL8B5S2Z"
    assert typed.code("solo10") == "SOLO10"


@pytest.mark.parametrize(
    "odd",
    ["", " ", "\u200b", "ABC\x00DEF", "<script>", "СКИДКА", "AB'CD", "A/B", "A_B", "١٢٣", "ÀB", "AB½", "😀", "\ud800"],
)
def test_what_cannot_be_a_code_is_none(odd: str) -> None:
    assert typed.code(odd) == ""


def test_ten_thousand_characters_are_answered_at_once() -> None:
    for letter in ("A", "\u200b", " ", "\ufdfa", "-", "А"):
        begun = time.perf_counter()
        assert typed.code(letter * 10_000) == ""
        assert time.perf_counter() - begun < 0.01, letter


def test_the_longest_that_is_read() -> None:
    assert typed.code("A" * 128) == "A" * 128
    assert typed.code("A" * 129) == ""
    assert typed.code("A" * 100 + " " * 100) == "A" * 100
    assert typed.code("A" * 100 + " " * 101) == ""
