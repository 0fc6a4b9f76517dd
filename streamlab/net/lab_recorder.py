"""A recorder for the length of one test: the very one of `streamlab record`, in the thread of the test's server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from streamlab.core.exchange import Request
from streamlab.core.plan import Headers
from streamlab.core.replies import Answer
from streamlab.errors import ServerError
from streamlab.files.cassette_output import CassetteOutput, Mode
from streamlab.net.lab import Host, Lab
from streamlab.net.namespace import Namespace
from streamlab.net.record_session import Summary
from streamlab.net.recorder import Forwarding, Recorder, Replay
from streamlab.net.recording import Progress, Recordings
from streamlab.net.space import LocalSpace
from streamlab.net.upstream import Upstream

__all__ = ["LabRecorder", "LabRecording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRecording:
    """What is recorded, from where, into what.

    `match` is what the header of a new cassette says of matching, `patterns` are the user's own secrets.
    """

    out: Path
    upstream: str
    mode: Mode
    match: Mapping[str, Any] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
    credentials: Headers = ()
    ca_file: str | None = None
    timeout: float | None = None


class LabRecorder:
    """Records what the client of a lab asks and its rules do not answer. `troubles` say what is not as it should be.

    Raises ScenarioError or ServerError if the cassette, the upstream or the address cannot be used.
    """

    def __init__(self, recording: LabRecording, host: Host, lab: Lab, port: int = 0) -> None:
        space = lab._space  # noqa: SLF001 - the recorder stands in for it
        if not isinstance(space, LocalSpace):
            raise ServerError("a lab of another process cannot be recorded for")
        namespace = space.namespace
        self._space, self._door = space, space.door
        self.troubles: list[str] = []
        self._host = host
        self._output = CassetteOutput(recording.out, recording.mode, recording.patterns, recording.match)
        self.summary = Summary(out=recording.out, recovered=self._output.writer.recovered, reports=self._output.reports)
        try:
            self._recorder = host.run(lambda: self._start(recording, namespace, port))
        except BaseException:
            self._output.close(0)
            raise
        space.door = _Shut()

    async def _start(self, recording: LabRecording, namespace: Namespace, port: int) -> Recorder:
        upstream = Upstream(recording.upstream, ca_file=recording.ca_file, timeout=recording.timeout)
        forwarding = Forwarding(credentials=recording.credentials)
        secrets = (*forwarding.secrets, *upstream.secrets)
        recordings = Recordings(self._output.writer, self._tell, matching=self._output.matching, secrets=secrets)
        replay = _replay(namespace)
        recorder = Recorder(upstream, recordings, forwarding=forwarding, replay=replay, journal=namespace)
        self.url = await recorder.start(port=port)
        return recorder

    def stop(self, *, is_good: bool = True) -> Summary:
        """Stop, and return what was recorded once all of it is in the cassette.

        What is not good, or would not replay as it came, takes no cassette's place: it is put `aside`.
        """
        self._space.door = self._door
        try:
            self._host.run(self._recorder.stop)
        finally:
            self.summary.is_there = self._output.close(self.summary.recorded, is_good=is_good and not self.troubles)
        return self.summary

    @property
    def aside(self) -> Path | None:
        """Where a recording is that did not replace the cassette it was to replace."""
        return self._output.aside

    def _tell(self, progress: Progress) -> None:
        """Count an exchange that has ended, and remember what is wrong with its recording."""
        if progress.ended is None:
            return
        self.summary.count(progress)
        where = f"{progress.method} {progress.path}: "
        if progress.failure:
            self.troubles.append(f"{where}not recorded: {progress.failure}")
        if progress.check:
            self.troubles.append(f"{where}the cassette would not give it again as it came: {progress.check}")


class _Shut:
    """The door of a lab that is recorded: clients come in by the recorder's."""

    def refuse(self, times: int | None) -> None:
        """Raise ServerError."""
        del times
        raise ServerError(f"connections cannot be refused while a test is recorded\n  hint: {_APART}")

    def accept(self) -> None:
        """Raise ServerError."""
        self.refuse(None)


_APART = "refuse them in a test of its own, without a cassette"


def _replay(namespace: Namespace) -> Replay:
    """Return what answers with the rules of a namespace, and leaves to the upstream what they have no answer to."""

    def replay(request: Request) -> Answer | None:
        return namespace.replay(request, common=(("date", formatdate(usegmt=True)),))

    return replay
