"""Pages that only say something: one row each, with what they say and where they lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.reply import Reply


@dataclass(frozen=True, slots=True)
class Notice:
    """One such page; `tone` is good, calm or bad, and `testid` names the page."""

    testid: str
    status: int
    tone: str
    title: str
    text: str


RETURN = Notice("return-page", 200, "good", "Payment received", "Thank you. Everything went well.")
COMPLETE = Notice("complete-page", 200, "good", "Already paid", "Nothing is left to do here.")
CANCELLED = Notice("cancelled-page", 200, "calm", "Payment not made", "Nothing was charged.")
EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This payment link has expired",
    "Nothing was charged. Go back to the app and start again.",
)
PORTAL_EXPIRED = Notice(
    "expired-page",
    410,
    "calm",
    "This page has expired",
    "A billing page stays open for an hour. Go back to the app and open it again.",
)
MISSING = Notice(
    "missing-page", 404, "bad", "Nothing here", "There is no such page. Check the address, or start again."
)
FOREIGN = Notice(
    "refused-page",
    403,
    "bad",
    "That came from elsewhere",
    "Another site tried to use this page. Nothing was changed.",
)
REFUSED = Notice("refused-page", 400, "bad", "That did not work", "Nothing was changed.")
FAILED = Notice("failed-page", 500, "bad", "Something broke", "The fault is ours. Nothing was charged.")


def notice_page(notice: Notice, *, headers: dict[str, str] | None = None, **values: Any) -> Reply:
    """The page of a notice.

    values: text, status (in place of the notice's own), link and label (where to go on), and what
    `notice.html` names besides.
    """
    status = values.pop("status", notice.status)
    blank = {"link": None, "label": "", "amount": None, "facts": (), "actions": ()}
    filled = {**blank, "text": notice.text, **values}
    return rendering.render_page("notice", status, headers=headers, notice=notice, **filled)
