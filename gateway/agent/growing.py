"""What a turn looks like while it works; pure."""

from collections.abc import Callable

FIRST = 1.0  # seconds: an answer that is complete sooner is sent once
SILENCE = 15.0  # seconds without a word: then it is said that the turn works, and again each time
MORE = " …"  # the end of everything that is not complete
STOPPED = "(stopped)"
DONE = "(done)"


class Growth:
    """What is known of one turn. Moments are monotonic seconds."""

    def __init__(self, *, stream: bool, progress: bool, began: float) -> None:
        self.tool = ""  # the last that was called
        self.text = ""  # of the latest answer that has any, if texts are shown
        self._stream = stream
        self._progress = progress
        self._began = began
        self._first = 0.0  # when the text of this answer began
        self._word = began  # when the last word was said
        self._note = ""
        self._noted = 0.0

    def heard(self, text: str, now: float) -> None:
        """The answer so far. A new one takes the place of the one before."""
        if not self._stream or text == self.text:
            return
        if not self.text or not text.startswith(self.text):
            self._first = now
        self.text, self._word, self._note = text, now, ""

    def spoke(self, now: float) -> None:
        """Words were sent to the chat."""
        self.text, self._word, self._note = "", now, ""

    def view(self, now: float, *, standing: bool) -> str:
        """What to show now; empty: nothing yet. `standing`: something is shown already."""
        note = self._working(now)
        if self.text and (standing or note or now - self._first >= FIRST):
            return f"{self.text}\n\n{note}" if note else f"{self.text}{MORE}"
        return note

    def _working(self, now: float) -> str:
        if not self._progress or now - self._word < SILENCE:
            return ""
        if not self._note or now - self._noted >= SILENCE:
            seconds = int(now - self._began)
            self._note = f"⏳ {f'working: {self.tool}' if self.tool else 'thinking'}{MORE} ({seconds} s)"
            self._noted = now
        return self._note


def longest(text: str, fits: Callable[[str], bool]) -> str:
    """About as much of the text's beginning as fits, together with MORE."""
    low, high = 0, len(text)
    while high - low > 64:
        middle = (low + high) // 2
        if fits(f"{text[:middle]}{MORE}"):
            low = middle
        else:
            high = middle
    return text[:low].rstrip()


def stopped(text: str) -> str:
    """What stays of an answer that was stopped."""
    return f"{text}\n\n{STOPPED}" if text else STOPPED
