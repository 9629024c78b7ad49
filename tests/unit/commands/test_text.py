"""What others have written is shown as it is; long lists come in pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gateway.commands.text import STEERING, as_shown, code, one_line, page_of, plain
from gateway.errors import UserError

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKS = st.text(st.sampled_from("ab 1.)*_`~[]()<>#+-=!\\&;|@:/x"), max_size=24)


def shown(text: str) -> str:
    """What a reader of the Markdown sees; an AssertionError if anything in it is more than words."""
    lines: list[str] = []
    for block in PARSER.parse(text):
        assert block.type in {"paragraph_open", "inline", "paragraph_close"}, block
        for inline in block.children or ():
            assert inline.type in {"text", "softbreak"}, inline
            lines.append(inline.content)
    return " ".join(lines)


@given(MARKS | st.text(max_size=40))
def test_no_text_becomes_formatting(text: str) -> None:
    seen = shown(f"x {one_line(text, widest=200)} x")

    assert seen.replace("\u2060", "").split()[1:-1] == _words(text)


def _words(text: str) -> list[str]:
    """Without control characters, and what separates words of any script."""
    return STEERING.sub(" ", text).replace("\u2060", "").split()


@given(st.lists(MARKS, min_size=1, max_size=4))
def test_no_line_becomes_a_heading_a_list_or_a_quote(lines: list[str]) -> None:
    shown(plain("\n".join(lines)))


@pytest.mark.parametrize(
    ("text", "markdown_text"),
    [
        ("write the report", "write the report"),
        ("daily_report", "daily_report"),
        ("_x_", r"\_x\_"),
        ("*x*", r"\*x\*"),
        ("[a](http://evil)", r"\[a\](http://evil)"),
        ("a\nb\x1b[2J", r"a b \[2J"),
        ("tea @anna", "tea @\u2060anna"),
        ("anna@example.org", "anna@example.org"),
        ("&lt;", r"\&lt;"),
        ("\u202egnp", "gnp"),
    ],
)
def test_a_name_is_shown_as_it_is(text: str, markdown_text: str) -> None:
    assert one_line(text) == markdown_text


def test_a_long_text_is_cut() -> None:
    assert one_line("word " * 40, widest=11) == "word word …"


@pytest.mark.parametrize("text", ["a1b2", "a`b", "``", "*x*", "a\nb"])
def test_an_id_stays_code(text: str) -> None:
    _, line, _ = PARSER.parse(f"see {code(text)}")

    assert line.children is not None
    assert (line.children[-1].type, line.children[-1].content) == ("code_inline", " ".join(text.split()))


def test_a_list_is_shown_ten_at_a_time() -> None:
    pages = [page_of(range(25), wanted) for wanted in ("", "2", "3")]

    assert [list(page.items) for page in pages] == [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    assert [(page.number, page.count, page.first) for page in pages] == [(1, 3, 1), (2, 3, 11), (3, 3, 21)]


def test_buttons_lead_to_the_pages_beside_this_one() -> None:
    first, second, third = (page_of(range(25), wanted).turning("/cron list") for wanted in ("1", "2", "3"))

    assert [(button.label, button.data) for button in first] == [("2/3 ›", "/cron list 2")]
    assert [button.label for button in second] == ["‹ 1/3", "3/3 ›"]
    assert [(button.label, button.data) for button in third] == [("‹ 2/3", "/cron list 2")]


def test_a_page_that_is_not_there_is_the_last() -> None:
    assert page_of(range(12), "99").number == 2
    assert page_of(range(12), "0").number == 1
    assert page_of([], "7").number == 1


@pytest.mark.parametrize("wanted", ["x", "-1", "1.5", "²", "9" * 40])
def test_what_is_no_number_is_no_page(wanted: str) -> None:
    with pytest.raises(UserError, match="not the number of a page"):
        page_of(range(3), wanted)


def test_where_there_are_no_buttons_the_next_command_is_named() -> None:
    assert page_of(range(25), "2").hint("/cron list") == ["Page 2 of 3; `/cron list 3` shows another."]
    assert page_of(range(3), "").hint("/cron list") == []


@given(MARKS)
def test_where_nothing_renders_it_the_words_are_what_was_written(text: str) -> None:
    lines = [line.strip() for line in STEERING.sub(" ", text).split("\n")]

    shown = as_shown(plain(text)).replace("\u2060", "")

    assert shown == "\n".join(lines)


def test_where_nothing_renders_it_an_id_keeps_its_backslashes() -> None:
    folder = code("C:\\*")

    assert as_shown(f"{plain('a*b')} ({folder})") == "a*b (`C:\\*`)"
