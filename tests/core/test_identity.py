"""Ids and lots from a seed: the same for the same parts, in the API's shapes."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamlab.core.identity import api_id, generator, trace_id

SHAPES = {
    "msg": r"msg_01[1-9A-HJ-NP-Za-km-z]{22}",
    "toolu": r"toolu_01[1-9A-HJ-NP-Za-km-z]{22}",
    "srvtoolu": r"srvtoolu_01[1-9A-HJ-NP-Za-km-z]{22}",
    "mcptoolu": r"mcptoolu_01[1-9A-HJ-NP-Za-km-z]{22}",
    "req": r"req_011C[1-9A-HJ-NP-Za-km-z]{20}",
    "container": r"container_011C[1-9A-HJ-NP-Za-km-z]{20}",
    "file": r"file_011C[1-9A-HJ-NP-Za-km-z]{20}",
}


@pytest.mark.parametrize(("prefix", "shape"), SHAPES.items())
def test_an_id_has_the_shape_of_the_api(prefix: str, shape: str) -> None:
    """Prefix, version, base 58, and the length of a real one."""
    rng = Random(1)
    ids = {api_id(prefix, rng) for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch(shape, each) for each in ids)


def test_recorded_ids_have_the_shapes_that_are_made(recorded_streams: list[Path]) -> None:
    """Of every kind of id that real streams carry, nearly all are as long as ours, and made of the same characters."""
    found = re.compile(r'"((msg|toolu|srvtoolu|mcptoolu|container)_01[0-9A-Za-z]+)"')
    seen: dict[str, list[str]] = {}
    for path in recorded_streams:
        for whole, prefix in found.findall(path.read_text(encoding="utf-8")):
            seen.setdefault(prefix, []).append(whole)
    assert set(seen) == {"msg", "toolu", "srvtoolu", "mcptoolu", "container"}
    for prefix, ids in seen.items():
        assert {len(each) for each in ids} == {len(api_id(prefix, Random(1)))}
        assert all(re.fullmatch(SHAPES[prefix], each) for each in ids)


@given(st.integers(), st.lists(st.text(st.characters(exclude_characters="\0")), max_size=3))
def test_the_same_seed_and_parts_give_the_same_lots(seed: int, parts: list[str]) -> None:
    """Nothing else decides: neither what was drawn before, nor the run."""
    first = generator(seed, *parts)
    generator(seed + 1, *parts).random()
    again = generator(seed, *parts)
    assert [first.random() for _ in range(3)] == [again.random() for _ in range(3)]


@pytest.mark.parametrize(
    "other",
    [
        (2, "rule", "request"),
        (1, "Rule", "request"),
        (1, "rule", "request", "1"),
        (1, "rulerequest"),
        (1, "request", "rule"),
        (1, "rule"),
        (1, "", "rule", "request"),
        (-1, "rule", "request"),
    ],
)
def test_another_seed_or_part_gives_other_lots(other: tuple[int, ...]) -> None:
    """Every part counts, in its own place."""
    seed, *parts = other
    assert generator(seed, *map(str, parts)).random() != generator(1, "rule", "request").random()


def test_lots_stay_the_same_from_run_to_run() -> None:
    """These values are part of what a seed promises: they change only on purpose."""
    rng = generator(7, "rule 1", "{}")
    assert api_id("msg", rng) == "msg_01Bf2Pyx2XMoqzqt4euWMTWi"
    assert trace_id(rng, 16) == "5bb0473b02d4c2b8"


def test_half_of_a_surrogate_pair_is_a_part_like_any_other() -> None:
    """A request may carry what UTF-8 cannot say."""
    assert generator(1, "\ud800").random() != generator(1, "\ud801").random()


@pytest.mark.parametrize("digits", [1, 2, 16, 32])
def test_a_trace_id_has_so_many_hexadecimal_digits(digits: int) -> None:
    """Leading zeros are kept."""
    rng = Random(1)
    assert all(re.fullmatch(f"[0-9a-f]{{{digits}}}", trace_id(rng, digits)) for _ in range(300))
