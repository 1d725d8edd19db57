"""Programs full of host calls, made from a number: what snapshots, forks and durable runs are tested with.

Every expression is an integer. Calls stand inside map, reduce, sort-by, for, recursion, macros, modules that are
defined again, destructuring defaults, try and finally, with-resource, steps and functions that the host runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import rtfs

PRELUDE = """
(defmacro twice [x] `(+ ~x (* 2 ~x)))
(defmacro unless-small [n & body] `(if (< ~n 5) ~n (do ~@body)))
(defn sum [items] (reduce + 0 items))
(defn down [n] (if (<= n 0) 0 (+ (call :t.ask n) (down (- n 1)))))
(defn safely [f] (try (f) (catch HostError e (+ 100 (count (:message e))))))
(module m (:exports [f]) (defn f [x] (call :t.ask (+ x 1))))
(import m :as m)
"""
AGAIN = "(module m (:exports [f]) (defn f [x] (+ {n} (call :t.ask (* x {n})))))\n(import m :as m)\n"


class Writer:
    """Expressions from a source of chance. hosted: the host runs functions of the program, and counts for it."""

    def __init__(self, chance: random.Random, *, hosted: bool) -> None:
        self.chance = chance
        self.hosted = hosted
        self.names: list[str] = []
        self.fresh = 0

    def name(self) -> str:
        self.fresh += 1
        return f"v{self.fresh}"

    def atom(self) -> str:
        return self.chance.choice([str(self.chance.randint(-5, 20)), *self.names])

    def expression(self, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice([self.atom(), f"(call :t.ask {self.atom()})"])
        shapes: list[Callable[[int], str]] = [
            self.ask, self.plus, self.mapped, self.reduced, self.sorted, self.tried, self.failed, self.looped,
            self.bound, self.defaulted, self.stepped, self.opened, self.recursive, self.expanded, self.module,
            self.context, self.either,
        ]  # fmt: skip
        if self.hosted:
            shapes += [self.beside, self.spawned, self.counted]
        return self.chance.choice(shapes)(depth - 1)

    def inside(self, name: str, depth: int) -> str:
        self.names.append(name)
        try:
            return self.expression(depth)
        finally:
            self.names.remove(name)

    def numbers(self) -> str:
        return f"[{' '.join(str(self.chance.randint(0, 9)) for _ in range(self.chance.randint(1, 3)))}]"

    def ask(self, depth: int) -> str:
        return f"(call :t.ask {self.expression(depth)})"

    def plus(self, depth: int) -> str:
        return f"(- {self.expression(depth)} {self.expression(depth)})"

    def mapped(self, depth: int) -> str:
        x = self.name()
        return f"(sum (map (fn [{x}] {self.inside(x, depth)}) {self.numbers()}))"

    def reduced(self, depth: int) -> str:
        a, x = self.name(), self.name()
        self.names.append(x)
        body = self.inside(a, depth)
        self.names.remove(x)
        return f"(reduce (fn [{a} {x}] {body}) {self.atom()} {self.numbers()})"

    def sorted(self, depth: int) -> str:
        x = self.name()
        return f"(first (sort-by (fn [{x}] {self.inside(x, depth)}) {self.numbers()}))"

    def tried(self, depth: int) -> str:
        cleanup = f"(call :t.note {self.expression(depth)})"
        return f"(try {self.expression(depth)} (catch e {self.expression(depth)}) (finally {cleanup}))"

    def failed(self, depth: int) -> str:
        call = f"(call :t.fail {self.expression(depth)})"
        return call if self.chance.random() < 0.15 else f"(safely (fn [] {call}))"

    def looped(self, depth: int) -> str:
        x = self.name()
        return f"(sum (for [{x} {self.numbers()} :when (odd? (call :t.ask {x}))] {self.inside(x, depth)}))"

    def bound(self, depth: int) -> str:
        x = self.name()
        return f"(let [{x} {self.expression(depth)}] {self.inside(x, depth)})"

    def defaulted(self, depth: int) -> str:
        x = self.name()
        given = self.chance.choice(["{}", f"{{:{x} 3}}"])
        return f"(let [{{:keys [{x}] :or {{{x} {self.expression(depth)}}}}} {given}] {self.inside(x, depth)})"

    def stepped(self, depth: int) -> str:
        return f'(step "s{depth}" :params {{:n {self.expression(depth)}}} (call :t.ask (:n %params)))'

    def opened(self, depth: int) -> str:
        x = self.name()
        return f"(with-resource [{x} (call :t.ask {self.expression(depth)})] {self.inside(x, depth)})"

    def recursive(self, depth: int) -> str:
        return f"(down (mod {self.expression(depth)} 3))"

    def expanded(self, depth: int) -> str:
        form = self.chance.choice(["(twice {})", "(unless-small (call :t.ask 1) {})"])
        return form.format(self.expression(depth))

    def module(self, depth: int) -> str:
        return f"(m/f {self.expression(depth)})"

    def context(self, depth: int) -> str:
        return f"(do (context/set :k {self.expression(depth)}) (+ @k 1))"

    def either(self, depth: int) -> str:
        test = f"(> (call :t.ask {self.atom()}) {self.atom()})"
        return f"(if {test} {self.expression(depth)} {self.expression(depth)})"

    def beside(self, depth: int) -> str:
        return f"(sum (step-parallel {self.expression(depth)} {self.expression(depth)}))"

    def spawned(self, depth: int) -> str:
        started = f"(call :ccos.async/spawn (fn [] {self.expression(depth)}))"
        x = self.name()
        return f"(let [{x} {started}] (+ {self.expression(depth)} (call :ccos.async/await {x})))"

    def counted(self, depth: int) -> str:
        return f'(call :ccos.state.counter.inc "{self.name()}" {self.expression(depth)})'


def program(number: int, *, hosted: bool = False, forms: int = 4, depth: int = 3) -> str:
    """The text of a program; its value is a vector of integers."""
    chance = random.Random(number)
    writer = Writer(chance, hosted=hosted)
    lines = [PRELUDE]
    for index in range(forms):
        if index == forms // 2:
            lines.append(AGAIN.format(n=chance.randint(2, 5)))
        lines.append(f"(def r{index} {writer.expression(depth)})\n")
    lines.append(f"[{' '.join(f'r{index}' for index in range(forms))}]\n")
    return "".join(lines)


class Failed(Exception):
    """The host refuses a call."""


def answer(call: Any) -> Any:
    """What the host of a generated program answers: a small number that the arguments decide. Raises Failed."""
    if call.capability_id == "t.ask":
        return (call.args[0] * 31 + 7) % 17 - 3
    if call.capability_id == "t.fail" and call.args[0] % 3:
        raise Failed(f"no {call.args[0]}")
    return 0 if call.capability_id == "t.fail" else None


def go_on(outcome: rtfs.RequiresHost) -> Any:
    """Answer the call of an outcome."""
    try:
        return outcome.resume(answer(outcome.call))
    except Failed as error:
        return outcome.fail(str(error))
