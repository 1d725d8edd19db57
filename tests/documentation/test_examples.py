"""Everything that has a name is documented, and every example does what it says."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import rtfs
from rtfs.documentation import CHAPTERS, Entry, Reference
from rtfs.documentation.forms import FORMS
from rtfs.eval.registry import BUILTINS, PRIMARY
from rtfs.eval.special import load
from rtfs.host.console import Console
from rtfs.testing.cases import Case, problem

REFERENCE = Reference()
LANGUAGE = REFERENCE.entries()
CAPABILITIES = REFERENCE.capabilities()
FORM_NAMES = {name for form in FORMS for name in form.names}
INSIDE = {"=>"}  # stands only inside other forms


def names(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


@pytest.mark.parametrize("entry", LANGUAGE, ids=names(LANGUAGE))
def test_an_example_of_the_language_does_what_it_says(entry: Entry) -> None:
    assert entry.example is not None
    calls = [call.partition(" => ") for call in entry.example.calls]
    case = Case(
        entry.name,
        "documentation",
        entry.example.text,
        tuple(call for call, _, _ in calls),
        tuple(answer for _, _, answer in calls),
        entry.example.result,
    )
    assert problem(case) is None


class Person(Console):
    """A console at which somebody called Ada sits."""

    def write(self, text: str) -> None:
        pass

    def log(self, level: str, text: str) -> None:
        pass

    def read_line(self, prompt: str = "") -> str:
        return "Ada"


@pytest.fixture(scope="module")
def example_org() -> Iterator[str]:
    """A server that stands for https://example.org/."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.parametrize("entry", CAPABILITIES, ids=names(CAPABILITIES))
def test_an_example_of_a_capability_does_what_it_says(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example_org: str
) -> None:
    assert entry.example is not None
    monkeypatch.chdir(tmp_path)
    state = tmp_path.parent / f"{tmp_path.name}-state"
    session = rtfs.Session(context=rtfs.RuntimeContext.full(), console=Person(), state_dir=str(state), cache=False)
    try:
        found = rtfs.show(session.run(entry.example.text.replace("https://example.org/", example_org)))
    except rtfs.RtfsError as error:
        found = f"!{error.kind}"
    finally:
        session.shutdown(strategy="immediate")
    assert found == entry.example.result


def test_every_special_form_is_documented() -> None:
    written = {name for name in load() if not name.startswith("rtfs/")} - INSIDE
    assert written == FORM_NAMES


def test_every_library_name_is_found_under_its_primary_name() -> None:
    for name, primary in PRIMARY.items():
        if not name.startswith("rtfs/"):
            found = REFERENCE.find(name)
            assert found is not None and (found.name == primary or name in FORM_NAMES)
    assert {name for entry in LANGUAGE for name in (entry.name, *entry.aliases)} >= {
        name for name in BUILTINS if not name.startswith("rtfs/")
    }


@pytest.mark.parametrize("entry", [*LANGUAGE, *CAPABILITIES], ids=names([*LANGUAGE, *CAPABILITIES]))
def test_an_entry_is_complete(entry: Entry) -> None:
    assert entry.chapter in CHAPTERS
    assert entry.doc.rstrip().endswith((".", "?", "…")), entry.doc
    assert entry.usage or entry.kind == "constant"
    assert entry.arity or entry.kind in ("special form", "constant", "capability")
    assert all(usage.startswith(("(", "'", "`", "~", "@", "#")) for usage in entry.usage)


def test_a_chapter_is_never_empty() -> None:
    assert {entry.chapter for entry in [*LANGUAGE, *CAPABILITIES]} == set(CHAPTERS)


def test_a_name_is_documented_once() -> None:
    found = [name for entry in LANGUAGE for name in (entry.name, *entry.aliases)]
    assert sorted(found) == sorted(set(found))
