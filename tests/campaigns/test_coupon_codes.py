"""Codes can be read aloud and cannot be guessed."""

from __future__ import annotations

from collections import Counter

from campaigns.services import codes


def test_codes_have_twelve_letters_that_nobody_mistakes_for_another() -> None:
    drawn = codes.generate(1000)
    assert len(set(drawn)) == 1000
    assert {len(code) for code in drawn} == {12}
    assert set("".join(drawn)) == set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")
    assert len(codes.ALPHABET) == 31


def test_every_letter_is_as_likely_as_any_other() -> None:
    kept = bytes(range(256)).translate(codes._TABLE, codes._UNEVEN)
    assert set(Counter(kept).values()) == {8}


def test_a_shorter_length_than_twelve_is_not_obeyed(settings) -> None:
    settings.CAMPAIGNS = {"COUPON_LENGTH": 4}
    assert len(codes.generate(1)[0]) == 12
    settings.CAMPAIGNS = {"COUPON_LENGTH": 16}
    assert len(codes.generate(1)[0]) == 16


def test_a_prefix_stands_before_the_letters_and_takes_none_of_them() -> None:
    [code] = codes.generate(1, prefix="WELCOME")
    assert code.startswith("WELCOME-")
    assert len(code) == len("WELCOME-") + 12


def test_what_people_type_is_read_as_it_is_stored() -> None:
    assert codes.normal("  abcd2345 efgh ") == "ABCD2345EFGH"
    assert codes.normal("AB\u200bCD\u00ad2345\ufeffEFGH") == "ABCD2345EFGH"
    assert codes.normal("welcome-abcd2345efgh\n") == "WELCOME-ABCD2345EFGH"


def test_what_no_code_of_ours_contains_is_none() -> None:
    for odd in ("ABC\x00DEF", "<script>", "КОД", "AB'CD", "A/B", "١٢٣"):
        assert codes.normal(odd) == "", odd


def test_what_is_longer_than_any_code_is_none() -> None:
    assert codes.normal("A" * 10_000) == ""
    assert codes.normal("A" * 41) == ""
    assert codes.normal("") == ""
