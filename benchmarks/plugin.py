"""What the fixture costs a test, against the same calls of the SDK to a bare local server, in one run.

    python benchmarks/plugin.py             the fixture, the bare server, and the plugin where nothing uses it
    python benchmarks/plugin.py --peers     beside VCR.py + pytest-recording and LLMock, in a new virtual environment
    python benchmarks/plugin.py --profile   where the time goes in the fixture and in the server

Each kind of test is run as 1,000 tests, in a process of its own, several times in turn; the smallest time of each counts, so
that what else the machine does falls out. All tests share one HTTP client: to build one takes longer than what is measured.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

from startup import HOOKS, IMPORT, once, smallest

ROOT = Path(__file__).resolve().parent.parent
TESTS = 1000
RUNS = 5
BUDGET = 3.0
UNUSED_BUDGET = 10.0
PEERS = ("vcrpy", "pytest-recording", "llmock")

APP = """
import anthropic

HTTP = anthropic.DefaultHttpxClient()

def greet():
    client = anthropic.Anthropic(http_client=HTTP, max_retries=0)
    with client.messages.stream(
        model="claude-sonnet-4-6", max_tokens=64, messages=[{"role": "user", "content": "Say hello."}]
    ) as stream:
        return stream.get_final_text()
"""

CONFTEST = '''
"""A bare server in a thread: it writes ready events, and looks at nothing."""
import asyncio, os, threading
import pytest
from aiohttp import web

PORT = int(os.environ["BENCHMARK_PORT"])
EVENTS = [
    ("message_start", '"message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-6","content":[],'
     '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}'),
    ("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
    ("content_block_delta", '"index":0,"delta":{"type":"text_delta","text":"Hello"}'),
    ("content_block_delta", '"index":0,"delta":{"type":"text_delta","text":" there."}'),
    ("content_block_stop", '"index":0'),
    ("message_delta", '"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}'),
    ("message_stop", '"x":0'),
]
READY = [f'event: {name}\\ndata: {{"type":"{name}",{rest}}}\\n\\n'.encode() for name, rest in EVENTS]

async def handle(request):
    await request.read()
    response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    for event in READY:
        await response.write(event)
    await response.write_eof()
    return response

async def run(started, stop):
    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    started.set()
    await asyncio.to_thread(stop.wait)
    await runner.cleanup()

@pytest.fixture(scope="session")
def pointed():
    os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"] = f"http://127.0.0.1:{PORT}", "any"

@pytest.fixture(scope="session")
def bare(pointed):
    started, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(run(started, stop)))
    thread.start()
    assert started.wait(10)
    yield
    stop.set()
    thread.join()
'''

PROFILER = """

import cProfile, io, pstats
from streamlab.net import background

PROFILES = [cProfile.Profile()]
_run = background.Background._run

def _profiled(self, *arguments, **options):
    PROFILES.append(cProfile.Profile())
    PROFILES[-1].runcall(_run, self, *arguments, **options)

background.Background._run = _profiled

def pytest_runtestloop():
    PROFILES[0].enable()

def pytest_unconfigure():
    PROFILES[0].disable()
    for name, profile in zip(("the tests", "the server"), PROFILES):
        text = io.StringIO()
        pstats.Stats(profile, stream=text).sort_stats("cumulative").print_stats("streamlab", 25)
        print(f"\\n{name}\\n{text.getvalue()}")
"""


@dataclass(frozen=True)
class Kind:
    """One way to write the same test."""

    name: str
    plugin: str
    fixture: str
    body: str
    marker: str = ""
    record: tuple[str, ...] = ()
    """The options of the run that records, if there must be one."""

    def write(self, folder: Path) -> None:
        """Write the tests."""
        test = "{marker}def test_{number}({fixture}):\n    {body}\n"
        lines = [
            test.format(number=number, fixture=self.fixture, body=self.body, marker=self.marker) for number in range(TESTS)
        ]
        folder.mkdir()
        (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
        (folder / "app.py").write_text(APP, encoding="utf-8")
        (folder / "test_many.py").write_text("import pytest\nfrom app import greet\n\n" + "".join(lines), encoding="utf-8")

    def run(self, folder: Path, *options: str) -> float:
        """Run the tests; return the milliseconds that each took."""
        plugins = ("-p", self.plugin) if self.plugin else ()
        return once(HOOKS, *plugins, *options, str(folder)) * 1000 / TESTS


SAID = "assert greet() == 'Hello there.'"
KINDS = [
    Kind("a bare server", "", "bare", SAID),
    Kind("streamlab, with a reply", "streamlab.pytest_plugin", "streamlab", f"streamlab.reply('Hello there.'); {SAID}"),
    Kind(
        "streamlab, with a cassette",
        *("streamlab.pytest_plugin", "streamlab", SAID),
        marker="@pytest.mark.streamlab(cassette=True)\n",
        record=("--streamlab-record=once", "--streamlab-upstream={url}"),
    ),
]
THEIRS = [
    Kind(
        "VCR.py + pytest-recording",
        *("pytest_recording.plugin", "pointed", SAID),
        marker="@pytest.mark.vcr\n",
        record=("--record-mode=once",),
    ),
    Kind("LLMock, with a reply", "llmock.pytest_plugin", "llmock", f"llmock.reply('Hello there.'); {SAID}"),
]


def measure(folder: Path, kinds: list[Kind]) -> dict[str, float]:
    """Return the milliseconds that each kind of test takes."""
    for number, kind in enumerate(kinds):
        kind.write(folder / str(number))
        if kind.record:
            served = folder / str(number) / "test_many.py"
            served.write_text(served.read_text().replace(f"({kind.fixture})", "(bare)"))
            url = f"http://127.0.0.1:{os.environ['BENCHMARK_PORT']}"
            kind.run(folder / str(number), *(option.format(url=url) for option in kind.record))
            served.write_text(served.read_text().replace("(bare)", f"({kind.fixture})"))
    runs = [{kind.name: kind.run(folder / str(number)) for number, kind in enumerate(kinds)} for _ in range(RUNS)]
    return {kind.name: min(run[kind.name] for run in runs) for kind in kinds}


def used(folder: Path, kinds: list[Kind]) -> bool:
    """Print what each kind of test costs; return whether ours is within the budget."""
    costs = measure(folder, kinds)
    bare = costs[KINDS[0].name]
    for name, cost in costs.items():
        print(f"{name:32}{cost:8.2f} ms a test{cost - bare:+10.2f}")
    added = costs[KINDS[1].name] - bare
    print(f"the fixture adds {added:.2f} ms to a test (the budget is {BUDGET:g})")
    return added <= BUDGET


def unused(folder: Path) -> bool:
    """Print what the plugin costs a run that does not use it; return whether that is within the budget."""
    test = folder / "test_unused.py"
    test.write_text("".join(f"def test_{number}(): pass\n" for number in range(TESTS)), encoding="utf-8")
    loading = smallest(IMPORT.format(before="import pytest", statement="import streamlab.pytest_plugin"))
    hooks = HOOKS.replace("perf_counter", "process_time")  # what others do on the machine is more than what is measured
    pairs = [(once(hooks, str(test)), once(hooks, "-p", "streamlab.pytest_plugin", str(test))) for _ in range(3 * RUNS)]
    without, there = (1000 * min(times) for times in zip(*pairs, strict=True))
    print(
        f"unused, the plugin loads in {loading:.2f} ms, and adds {there - without:.2f} ms to {TESTS} tests of {without:.0f} ms"
    )
    return loading + there - without <= UNUSED_BUDGET


def profile(folder: Path) -> None:
    """Print where the time goes."""
    KINDS[1].write(folder / "profiled")
    with (folder / "profiled" / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(PROFILER)
    command = [sys.executable, "-m", "pytest", "-q", "-p", KINDS[1].plugin, "-p", "no:cacheprovider", str(folder / "profiled")]
    subprocess.run(command, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, check=True)


def beside_peers() -> int:
    """Run this again where the peers are installed, and nothing but them."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "-q", str(ROOT), *PEERS], check=True)
        return subprocess.run([python, __file__, "--here"], check=False).returncode


def main(arguments: list[str]) -> int:
    """Measure, and say whether the budgets are kept."""
    if "--peers" in arguments:
        return beside_peers()
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        os.environ["BENCHMARK_PORT"] = str(reserved.getsockname()[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--profile" in arguments:
            profile(folder)
            return 0
        kinds = [*KINDS, *THEIRS] if "--here" in arguments else KINDS
        kept = [used(folder, kinds), unused(folder)]
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
