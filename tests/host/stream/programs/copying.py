"""Copies the lines of a file through a filter and a map; prints how far the memory grew in bytes beyond a short copy.

Arguments: folder, number of lines.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import rtfs


def copy(session: rtfs.Session, folder: Path, lines: int) -> int:
    with (folder / "in").open("w") as file:
        file.writelines(f"line {number}\n" for number in range(lines))
    return int(
        session.run(f"""
          (:result (call :stream.wait (call :stream.file.write "{folder}/out" {{:format :lines :data-source
            (-> (call :stream.file.read "{folder}/in" {{:mode :lines}})
                (stream.filter (fn [l] (not (= l "line 7"))))
                (stream.map (fn [l] (str l "!"))))}})))""")
    )


def main() -> None:
    folder, lines = Path(sys.argv[1]), int(sys.argv[2])
    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    copy(session, folder, 20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = copy(session, folder, lines)
    print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
    session.close()


main()
