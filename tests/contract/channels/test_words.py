"""On every platform that can be told something: words arrive whole, in order, and as a person can read them."""

import random
import re

import pytest

from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import TOLD
from tests.contract.rigs.town import Opener

pytestmark = pytest.mark.parametrize("rig", TOLD, indirect=True)
ANNA = Who.ANNA
FAMILY, FLAG = "👨‍👩‍👧‍👦", "🇳🇴"

NASTY = (
    "a < b && c > d",
    "<b>not bold",
    "</i></b>",
    "&amp; &lt; &#60; &nosuch;",
    "**open",
    "_ ` [ ](",
    "~~half",
    "<script>alert(1)</script>",
    "![](x)",
    "[a](javascript:x)",
    "||",
    "<!channel> <@U0ANNA> @all",
    '<at user_id="all"></at>',
    '"quoted" \\ and \\n',
)


async def _arrives(open_town: Opener, rig: Rig, *texts: str) -> list[str]:
    """Say it, one after the other; what stands in the chat in the end, with nothing refused."""
    place = rig.people.private(ANNA)
    async with open_town() as town:
        for n, text in enumerate(texts):
            await town.tell(text, place, id=f"told {n}")
        await town.calm(seconds=30)

        assert await town.states() == {"sent": len(texts)}
        assert rig.screen.misuse() == []
        found: list[str] = rig.screen.texts(place)
        return found


async def test_a_long_text_arrives_whole_and_in_order(open_town: Opener, rig: Rig) -> None:
    words = [f"w{n}" for n in range(5_000)]

    found = await _arrives(open_town, rig, " ".join(words))  # P-57

    assert (len(found) > 1) == rig.nature.splits
    assert " ".join(found).split() == words


async def test_families_and_flags_are_not_torn_apart(open_town: Opener, rig: Rig) -> None:
    found = await _arrives(open_town, rig, f"{FAMILY}{FLAG}" * 1_000)  # P-57

    assert (len(found) > 1) == rig.nature.splits
    assert "".join(found) == f"{FAMILY}{FLAG}" * 1_000
    assert all(re.fullmatch(f"(?:{FAMILY}|{FLAG})+", one) for one in found)


async def test_a_long_fence_arrives_line_by_line_and_is_a_fence_in_each_message(
    open_town: Opener, rig: Rig
) -> None:
    lines = [f"line {n:04} = *not bold* _nor_ <this> && `that`" for n in range(600)]
    source = "\n".join(["before", "```python", *lines, "```", "after"])

    found = await _arrives(open_town, rig, source)  # P-57

    told = "\n".join(found)
    assert (len(found) > 1) == rig.nature.splits
    assert re.findall(r"line \d{4}", told) == re.findall(r"line \d{4}", source)
    assert told.count("*not bold*") == len(lines)
    assert told.index("before") < told.index("line 0000")
    assert told.index("line 0599") < told.index("after")


RICH = """# The plan

Some **bold**, some *italic*, ~~gone~~, `code` and a [page](https://example.org/a_b?c=1&d=2).

| Fruit | Pieces |
|-------|--------|
| apple | 3      |
| pear  | 12     |

1. first
   - inner one
   - inner two
2. second

> somebody said so

```python
x = 1 < 2
```
"""
WORDS = [
    "The plan",
    "bold",
    "italic",
    "code",
    "page",
    "Fruit",
    "apple",
    "pear",
    "12",
    "first",
    "inner one",
    "second",
]


async def test_headings_tables_lists_code_and_links_have_a_form_that_can_be_read(
    open_town: Opener, rig: Rig
) -> None:
    told = "\n".join(await _arrives(open_town, rig, RICH))

    positions = [told.index(word) for word in [*WORDS, "somebody said so", "x = 1 < 2"]]
    assert positions == sorted(positions)
    assert not re.search(r"\*\*|~~|^# |\|---|```|\]\(", told, re.MULTILINE)


async def test_each_awkward_text_arrives_at_the_first_try(open_town: Opener, rig: Rig) -> None:
    found = await _arrives(open_town, rig, *(f"before {text} after" for text in NASTY))  # P-58

    assert len(found) == len(NASTY)
    assert all(one.startswith("before ") and one.rstrip().endswith(" after") for one in found)


async def test_text_full_of_marks_arrives_whole(open_town: Opener, rig: Rig) -> None:
    chance = random.Random(3)
    lines = [" ".join(chance.choice(NASTY) if n % 2 else f"w{k}x{n}" for n in range(9)) for k in range(200)]

    found = await _arrives(open_town, rig, "\n".join(lines))  # P-57

    assert re.findall(r"w\d+x\d+", "\n".join(found)) == re.findall(r"w\d+x\d+", "\n".join(lines))


async def test_a_text_in_which_there_is_nothing_to_see_arrives_as_something(open_town: Opener, rig: Rig) -> None:
    found = await _arrives(open_town, rig, "\u200b \u2800", "after")

    assert found[-1] == "after"
