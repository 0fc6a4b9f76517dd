"""What is kept of the exchanges that a recorder forwards: redacted, written as it arrives, checked when it is over.

Nothing that goes wrong here is felt by the client: it is said, and the exchange goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from streamlab.core.exchange import Ended, Read, Request
from streamlab.core.exchange_redaction import AnswerRedactor, answer_redactor, redact_request
from streamlab.core.plan import Head
from streamlab.core.redaction import exactly, redact_text, secret_values
from streamlab.core.self_check import Expected, check
from streamlab.core.tapes import Matching
from streamlab.errors import StreamlabError
from streamlab.files.cassette_writer import CassetteWriter
from streamlab.files.spool import Pending

__all__ = ["Progress", "Recording", "Recordings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known of an exchange by now, without secrets.

    `first` is the seconds from the request to the first bytes of the body, `ended_at` those from the head to the ending.
    `ended` is None while it goes on. `failure` says why it is not in the cassette, `check` how the cassette would replay it
    otherwise; both are empty if all is well.
    """

    number: int
    method: str
    path: str
    status: int | None = None
    events: int = 0
    size: int = 0
    first: float | None = None
    ended: Ended | None = None
    ended_at: float | None = None
    problem: str = ""
    redacted: int = 0
    notes: tuple[str, ...] = ()
    failure: str = ""
    check: str = ""
    is_replayed: bool = False


Tell = Callable[[Progress], None]


class Recordings:
    """The exchanges of one cassette. `tell` is told of each as it goes on, and when it is in the cassette.

    `matching` is what the cassette's header says, the user's patterns of secrets among it; `secrets` are texts that must not be
    kept either.
    """

    def __init__(self, writer: CassetteWriter, tell: Tell, *, matching: Matching, secrets: Sequence[str] = ()) -> None:
        self.writer, self.tell, self.matching = writer, tell, matching
        self.patterns = (*matching.redact, *exactly(secrets))
        self.lock = asyncio.Lock()
        self._count = 0
        self._latest: WeakValueDictionary[tuple[str, str, bytes], Recording] = WeakValueDictionary()

    def begin(self, request: Request) -> Recording:
        """Begin to record the answer to a request; it is put after those of equal requests that came before."""
        self._count += 1
        key = (request.method, request.path, request.body)
        before = self._latest.get(key)
        recording = self._latest[key] = Recording(self, self._count, request, None if before is None else before.finished)
        return recording

    def replayed(self, request: Request, status: int, events: int, size: int) -> None:
        """Tell of a request that the cassette had an answer to."""
        self._count += 1
        clean = redact_request(request, self.patterns)[0]
        progress = Progress(number=self._count, method=clean.method, path=clean.path, status=status, events=events, size=size)
        self.tell(replace(progress, is_replayed=True, ended=Ended.COMPLETE))


class Recording:
    """One exchange that is being recorded. `is_over` once it was told how the answer ended; `finished` when it is kept."""

    def __init__(self, recordings: Recordings, number: int, request: Request, before: asyncio.Event | None = None) -> None:
        self.is_over = False
        self._before, self.finished = before, asyncio.Event()
        self._recordings = recordings
        self._request = request
        self._patterns = (*recordings.patterns, *exactly(secret_values(request.headers, request.query)))
        clean, self._count = redact_request(request, self._patterns)
        self._expected = Expected(request)
        self._redactor: AnswerRedactor | None = None
        self._pending: Pending | None = None
        self._has_head = False
        self._first: float | None = None
        self.progress = Progress(number=number, method=clean.method, path=clean.path, redacted=self._count)
        self._try(lambda: self._begin(clean))
        self._told()

    def head(self, head: Head, first: float | None) -> None:
        """Take the head of the answer, without hop-by-hop headers, `first` seconds after the request."""
        self._first = first
        self._patterns = (*self._patterns, *exactly(secret_values(head.headers)))
        has_body = self._request.method != "HEAD"
        self._redactor = answer_redactor(head, self._patterns, has_body=has_body)
        self._note(status=head.status)
        self._try(lambda: self._keep([]))
        self._told()

    def read(self, read: Read) -> None:
        """Take the next bytes of the body."""
        if self._redactor is None:
            raise ValueError("a head comes before a body")
        redactor = self._redactor
        first = self.progress.first
        if first is None and read.at is not None:
            first = (self._first or 0.0) + read.at
        self._try(lambda: self._keep(redactor.feed(read)))
        self._note(size=self.progress.size + len(read.data), first=first, events=redactor.events)
        self._told()

    def end(self, ended: Ended, ended_at: float | None) -> None:
        """Say how the answer ended. What had come by then is kept, with its end, whatever becomes of this process."""
        self.is_over = True
        self._try(self._close)
        if ended is Ended.COMPLETE and self._redactor is not None and not self._redactor.saw_end:
            ended = Ended.END
        self._expected.end(ended)
        self._note(ended=ended, ended_at=ended_at)
        if self._pending is not None and not self.progress.failure:
            pending = self._pending
            self._try(lambda: pending.end(ended, ended_at))

    async def finish(self, problem: str = "") -> None:
        """Return when the exchange is in the cassette, in its turn, and was checked; `problem` is what went wrong."""
        if self._before is not None:
            await self._before.wait()
            self._before = None
        async with self._recordings.lock:
            await asyncio.to_thread(self._try, self._append)
        self.finished.set()
        if self._pending is not None:
            self._pending.close()
        self._note(problem=redact_text(problem, self._patterns))
        self._told()

    def _begin(self, clean: Request) -> None:
        self._pending = self._recordings.writer.begin(clean)

    def _keep(self, reads: list[Read]) -> None:
        """Write what may be kept."""
        if self._redactor is None or self._redactor.head is None or self._pending is None or self.progress.failure:
            return
        if not self._has_head:
            self._has_head = True
            self._expected.head(self._redactor.head)
            self._pending.head(self._redactor.head, self._first)
        for read in reads:
            self._expected.read(read.data)
            self._pending.read(read)

    def _close(self) -> None:
        if self._redactor is not None:
            self._keep(self._redactor.close())

    def _append(self) -> None:
        """Put it into the cassette, and read it again from there."""
        if self._pending is None or self.progress.failure:
            return
        writer, matching = self._recordings.writer, self._recordings.matching
        span = self._pending.append()
        self._note(check=check(writer.exchange(span), self._expected, self._request, matching))

    def _try(self, act: Callable[[], None]) -> None:
        """Do it; the first thing that goes wrong is noted, and ends the recording of this exchange alone."""
        try:
            act()
        except StreamlabError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - the client must not feel it, and the user must know
            failure = f"{type(error).__name__}: {error}"
        else:
            return
        if not self.progress.failure:
            self._note(failure=redact_text(failure, self._patterns))

    def _note(self, **news: object) -> None:
        count = self._count + (self._redactor.count if self._redactor is not None else 0)
        notes = tuple(self._redactor.notes) if self._redactor is not None else ()
        self.progress = replace(self.progress, **{"redacted": count, "notes": notes, **news})  # type: ignore[arg-type]

    def _told(self) -> None:
        self._recordings.tell(self.progress)
