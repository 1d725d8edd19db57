"""`rtfs new`: a small project to begin with."""

from __future__ import annotations

import os
import shlex
import sys

import click

from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  rtfs new weather                     makes the folder `weather`
  cd weather && rtfs main.rtfs Ada     and runs it
  rtfs test                            runs its tests

\b
Exit codes: 0 done, 1 the folder cannot be written, 2 usage.
"""

FILES = {
    "main.rtfs": """\
;; The script: rtfs main.rtfs Ada

(import readings :only [greeting warmest])

(println (greeting (if (empty? args) "world" (first args))))
(println "warmest:" (:temp (warmest [{:temp 20.5} {:temp 23.0} {:temp 21.0}])))
""",
    "readings.rtfs": """\
;; What the script and its tests share.

(defn greeting
  "The words for somebody."
  [name : :string] : :string
  (str "Hello, " name "!"))

(defn warmest
  "The reading with the highest temperature; nil when there is none."
  [readings : [:vector [:map [:temp :float]]]]
  (reduce (fn [best one] (if (or (nil? best) (> (:temp one) (:temp best))) one best)) nil readings))

(defn on-reading
  "One step of a stream of readings: keeps the warmest, and gives it after each."
  [state reading]
  (let [best (warmest [state reading])]
    {:state best :output (:temp best)}))
""",
    "tests/readings_test.rtfs": """\
;; rtfs test

(import readings :only [greeting on-reading warmest])

(deftest greets-by-name
  (is (= "Hello, Ada!" (greeting "Ada"))))

(deftest finds-the-warmest
  (testing "of several" (is (= {:temp 23.0} (warmest [{:temp 20.5} {:temp 23.0}]))))
  (testing "of none" (is (nil? (warmest [])))))

(deftest-stream keeps-the-warmest-whatever-is-killed
  {:processor on-reading
   :state {:temp -300.0}
   :chunks [{:temp 20.5} {:temp 23.0} {:temp 21.0} :eof]
   :crash-at :all
   :expect {:outputs [20.5 23.0 23.0] :state {:temp 23.0} :status :completed}})
""",
    "rtfs.toml": """\
# What the scripts of this folder may do beside computing and printing: `rtfs run --help` has the same as flags.
[capabilities]
# read = ["data"]                # files below a folder; write likewise
# net = ["GET api.example.org"]  # hosts
# env = ["HOME"]                 # variables
# run = ["python"]               # programs behind `stdio:` endpoints
# allow = ["mcp.weather.*"]      # other capabilities: `rtfs caps ls`

[test]
files = ["*_test.rtfs"]
""",
}


@click.command("new", epilog=EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path())
def command(folder: str) -> int:
    """Make the folder DIR with a script, what it imports, tests and a project file. Overwrites nothing."""
    present = [name for name in FILES if os.path.lexists(os.path.join(folder, name))]
    if present:
        raise click.UsageError(f"{os.path.join(folder, present[0])} exists already")
    try:
        for name, text in FILES.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        sys.stderr.write(f"error: cannot write {error.filename}: {error.strerror}\n")
        return 1
    flush("".join(f"made {os.path.join(folder, name)}\n" for name in FILES))
    flush(f"now: cd {shlex.quote(folder)} && rtfs main.rtfs && rtfs test\n")
    return 0
