"""What must hold of every module, and of the door."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rtfs

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for path in (ROOT / "rtfs").rglob("*.py"))
PLAIN = [path for path in MODULES if path.name != "__init__.py" or path.read_text(encoding="utf-8").strip()]


def title(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PLAIN, ids=title)
def test_a_module_opens_with_a_sentence_saying_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "no docstring"
    opening = docstring.partition("\n\n")[0]
    assert opening.rstrip().endswith((".", "?", ":", ")")), opening


def test_no_package_shadows_a_name_with_a_module_and_a_folder() -> None:
    assert not [path for path in MODULES if path.with_suffix("").is_dir()]


def test_the_door_is_sorted_and_complete() -> None:
    assert rtfs.__all__ == sorted(rtfs.__all__)
    assert {
        "Complete", "HostCall", "Keyword", "Limits", "Marketplace", "RequiresHost", "RtfsError", "RuntimeContext",
        "Session", "Symbol", "evaluate", "from_python", "read", "show", "to_python",
    } <= set(rtfs.__all__)  # fmt: skip


@pytest.mark.parametrize("name", rtfs.__all__)
def test_every_public_name_opens_and_is_documented(name: str) -> None:
    assert (getattr(rtfs, name).__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rtfs' has no attribute 'nothing'"):
        _ = rtfs.nothing


def test_the_version_is_the_one_of_the_package() -> None:
    from importlib.metadata import version

    assert rtfs.__version__ == version("rtfs")
