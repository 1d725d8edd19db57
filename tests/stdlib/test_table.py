"""Every name of the standard library (language.md §14): it exists, where it is written, what it takes and refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import rtfs
from rtfs.eval import library
from rtfs.eval.registry import PRIMARY

# names (of a builtin the first is the one errors show) | arity | P builtin, R in RTFS, S special form | parameters
# kinds: n number, i integer, s string, q sequence, m map, f callable, a anything; the last one repeats
TABLE = """
+ | 0+ | P | n
* | 0+ | P | n
- | 1+ | P | n
/ | 1+ | P | n
mod | 2 | P | n
rem | 2 | P | n
quot | 2 | P | n
inc | 1 | P | n
dec | 1 | P | n
max math/max | 1+ | P | n
min math/min | 1+ | P | n
abs math/abs | 1 | P | n
sqrt math/sqrt | 1 | P | n
pow math/pow | 2 | P | n
factorial | 1 | P | i
floor math/floor | 1 | P | n
ceil math/ceil | 1 | P | n
trunc math/trunc | 1 | P | n
round math/round | 1-2 | P | n i
gcd math/gcd | 2+ | P | i
lcm math/lcm | 2+ | P | i
exp math/exp | 1 | P | n
log10 math/log10 | 1 | P | n
log2 math/log2 | 1 | P | n
sin math/sin | 1 | P | n
cos math/cos | 1 | P | n
tan math/tan | 1 | P | n
asin math/asin | 1 | P | n
acos math/acos | 1 | P | n
atan math/atan | 1 | P | n
math/log | 1 | P | n
atan2 math/atan2 | 2 | P | n
hypot math/hypot | 2 | P | n
bit-and | 2+ | P | i
bit-or | 2+ | P | i
bit-xor | 2+ | P | i
bit-not | 1 | P | i
bit-shift-left | 2 | P | i
bit-shift-right | 2 | P | i
sum | 1 | R | q
product | 1 | R | q
avg | 1 | R | q
mean | 1 | R | q
median | 1 | R | q
clamp | 3 | R | n
int long | 1 | P | a
float double | 1 | P | a
parse-int parse-long | 1 | P | a
parse-float parse-double | 1 | P | a
parse-bool parse-boolean | 1 | P | a

= | 1+ | P | a
!= not= | 1+ | P | a
== | 1+ | P | n
< | 1+ | P | a
<= | 1+ | P | a
> | 1+ | P | a
>= | 1+ | P | a
compare | 2 | P | a
and | 0+ | S | a
or | 0+ | S | a
not | 1 | P | a
boolean | 1 | P | a
identity | 1 | P | a
zero? | 1 | P | n
pos? | 1 | P | n
neg? | 1 | P | n
nan? | 1 | P | n
infinite? | 1 | P | n
even? | 1 | P | n
odd? | 1 | P | n
int? integer? | 1 | P | a
float? | 1 | P | a
number? | 1 | P | a
string? string-p | 1 | P | a
bool? boolean? | 1 | P | a
nil? | 1 | P | a
keyword? | 1 | P | a
symbol? | 1 | P | a
vector? | 1 | P | a
list? | 1 | P | a
map? | 1 | P | a
fn? function? | 1 | P | a
error? | 1 | P | a
timestamp? | 1 | P | a
uuid? | 1 | P | a
resource? | 1 | P | a
true? | 1 | P | a
false? | 1 | P | a
pos-int? | 1 | R | a
neg-int? | 1 | R | a
nat-int? | 1 | R | a
ifn? | 1 | P | a
coll? | 1 | P | a
sequential? | 1 | P | a
associative? | 1 | P | a
seqable? | 1 | P | a
some? | 1-2 | P | a a
type-name | 1 | P | a
type | 1 | P | a
validate | 2 | P | a
valid? | 2 | P | a
explain | 2 | P | a

str | 0+ | P | a
pr-str | 0+ | P | a
string-length | 1 | P | s
length string/length | 1 | P | a
substring subs string/substring | 2-3 | P | s i
string-contains string-contains? includes? string/includes? string/contains? | 2 | P | s
starts-with? string/starts-with? | 2 | P | s
ends-with? string/ends-with? | 2 | P | s
index-of string/index-of | 2-3 | P | a a a
last-index-of string/last-index-of | 2-3 | P | s s i
split string/split | 2-3 | P | s s i
lines split-lines string/split-lines | 1 | P | s
words | 1 | P | s
chars | 1 | P | s
join string-join string/join | 1-2 | P | a a
string-upper upper-case upper string/upper string/upper-case | 1 | P | s
string-lower lower-case lower string/lower string/lower-case | 1 | P | s
capitalize string/capitalize | 1 | P | s
string-trim trim string/trim | 1 | P | s
trim-left triml string/triml | 1 | P | s
trim-right trimr string/trimr | 1 | P | s
trim-newline | 1 | P | s
replace string/replace | 3 | P | s
replace-first string/replace-first | 3 | P | s
blank? string/blank? | 1 | P | a
pad-left | 2-3 | R | s i s
pad-right | 2-3 | R | s i s
string/pad-left | 2-3 | R | s i s
string/pad-right | 2-3 | R | s i s
char-code | 1 | P | s
from-char-code | 1 | P | i
format | 1+ | P | s a
name | 1 | P | a
namespace | 1 | P | a
keyword | 1-2 | P | a
symbol | 1-2 | P | a
gensym | 0-1 | P | a
read-string | 1 | P | s
re-matches | 2 | P | s
re-find | 2 | P | s
re-seq | 2 | P | s
re-groups | 2 | P | s
re-replace | 3 | P | s
re-split | 2-3 | P | s s i
re-quote | 1 | P | s
string/reverse | 1 | P | s
string/repeat | 2 | P | s i

first | 1 | P | q
second | 1 | P | q
last | 1 | P | q
ffirst | 1 | P | q
rest | 1 | P | q
next | 1 | P | q
butlast | 1 | P | q
nth | 2-3 | P | q i a
count | 1 | P | a
empty? | 1 | P | q
not-empty | 1 | P | q
seq | 1 | P | q
empty | 1 | P | q
take | 2 | P | i q
drop | 2 | P | i q
take-last | 2 | P | i q
drop-last | 1-2 | P | a a
take-while | 2 | P | f q
drop-while | 2 | P | f q
split-with | 2 | P | f q
split-at | 2 | P | i q
take-nth | 2 | P | i q
map mapv | 2+ | P | f q
map-indexed | 2 | P | f q
keep-indexed | 2 | P | f q
mapcat | 2+ | P | f q
filter filterv | 2 | P | f q
remove | 2 | P | f q
keep | 2 | P | f q
reduce | 2-3 | P | f a a
reductions | 2-3 | P | f a a
reduce-kv | 3 | P | f a a
some | 2 | P | f q
every? | 2 | P | f q
any? | 2 | P | f q
not-any? | 2 | P | f q
not-every? | 2 | P | f q
find-first | 2 | R | f q
concat | 0+ | P | q
cons | 2 | P | a q
conj | 1+ | P | a
into | 2 | P | a a
vec | 1 | P | q
list | 0+ | P | a
vector | 0+ | P | a
reverse | 1 | P | q
sort | 1-2 | P | a a
sort-by | 2-3 | P | f a a
distinct set | 1 | P | q
dedupe | 1 | P | q
distinct-by | 2 | P | f q
frequencies | 1 | P | q
group-by | 2 | P | f q
partition | 2-4 | P | i a a a
partition-all chunk | 2-3 | P | i a a
partition-by | 2 | P | f q
flatten | 1 | P | q
interleave | 1+ | P | q
zip | 1+ | P | q
interpose | 2 | P | a q
zipmap | 2 | P | q
range | 1-3 | P | n
numbers | 2 | P | i
repeat | 2 | P | i a
repeatedly | 2 | P | i f
iterate | 3 | P | f a i
subvec | 2-3 | P | a a a
peek | 1 | P | a
pop | 1 | P | a
min-by | 2 | P | f q
max-by | 2 | P | f q
min-key | 2+ | P | f a
max-key | 2+ | P | f a
union | 1+ | R | q
intersection | 1+ | R | q
difference | 1+ | R | q
doall | 1 | R | q
dorun | 1 | R | q
run! | 2 | R | f q
tree-seq | 3 | R | f f a

hash-map array-map | 0+ | P | a
get | 2-3 | P | a
get-in | 2-3 | P | a q a
contains? | 2 | P | a
find | 2 | P | m a
keys | 1 | P | m
vals | 1 | P | m
assoc | 3+ | P | a
dissoc | 1+ | P | m a
update | 3+ | P | a a f a
assoc-in | 3 | P | a q a
update-in | 3+ | P | a q f a
dissoc-in | 2 | P | a q
merge | 0+ | P | m
merge-with | 1+ | P | f m
deep-merge | 0+ | P | m
select-keys | 2 | P | m q
rename-keys | 2 | P | m m
update-vals map-vals | 2 | P | m f
update-keys map-keys | 2 | P | m f
filter-vals | 2 | R | f m
filter-keys | 2 | R | f m
map-invert | 1 | R | m

apply | 2+ | P | f a
comp | 0+ | P | f
partial | 1+ | P | f a
juxt | 1+ | P | f
complement | 1 | P | f
constantly | 1 | P | a
fnil | 2-4 | P | f a
every-pred | 1+ | R | f
some-fn | 1+ | R | f
pmap | 2 | R | f q
meta | 1 | S | a
doc | 1 | S | a
call | 1+ | S | a
ex-info | 1-2 | P | a
ex-message | 1 | P | a
ex-data | 1 | P | a
ex-type | 1 | P | a
getMessage | 1 | P | a
error | 1-2 | P | a
Exception. | 1-2 | P | a
RuntimeError. | 1-2 | P | a
HostError. | 1-2 | P | a
ValidationError. | 1-2 | P | a
macroexpand | 1 | P | a
macroexpand-1 | 1 | P | a
local-symbol? | 1 | P | a
syntax-error | 2-3 | P | a

parse-json json/parse tool/parse-json | 1-2 | P | s a
serialize-json json/stringify tool/serialize-json | 1 | P | a
serialize-json-pretty json/pretty tool/serialize-json-pretty | 1 | P | a

println | 0+ | R | a
print | 0+ | R | a
prn | 0+ | R | a
log | 0+ | R | a
tool/log | 0+ | R | a
log-step | 1+ | R | a
current-time | 0 | R | a
now | 0 | R | a
current-time-millis | 0 | R | a
tool/time-ms | 0 | R | a
sleep | 1 | R | a
thread/sleep | 1 | R | a
get-env | 1 | R | a
rand | 0 | R | a
rand-int | 1 | R | a
rand-nth | 1 | R | q
shuffle | 1 | R | a
uuid | 0 | R | a
read-file | 1+ | R | a
write-file | 2 | R | a
delete-file | 1 | R | a
file-exists? | 1 | R | a
list-dir | 1 | R | a
http-fetch | 1+ | R | a
tool/http-fetch | 1+ | R | a
ask | 1+ | R | a
ask-human | 1+ | R | a
kv/get | 1+ | R | a
kv/put | 2 | R | a
kv/delete | 1 | R | a
kv/assoc! | 3+ | R | a
kv/dissoc! | 1+ | R | a
kv/conj! | 1+ | R | a
discover-agents | 0+ | R | a
load-capability | 1 | R | a
context/set | 2 | R | a
"""

WORDS = {"n": "number", "i": "integer", "s": "string", "q": "sequence", "m": "map", "f": "function"}
FITTING: dict[str, Any] = {"n": 1, "i": 1, "s": "a", "q": (), "m": rtfs.read("{}")[0], "f": rtfs.Keyword("k"), "a": 1}
WRONG = {
    "n": 'nil "x" true :k []',
    "i": "nil 1.0",
    "s": "nil 1 :k",
    "q": "1 :k true",
    "m": '1 "x" []',
    "f": 'nil 1 "x" ()',
}


class Row(NamedTuple):
    names: list[str]
    low: int
    high: int | None
    written: str
    kinds: str

    def kind(self, place: int) -> str:
        return self.kinds[min(place, len(self.kinds) - 1)]

    def arguments(self) -> list[Any]:
        """As many fitting arguments as there are parameters."""
        count = max(self.low + 1, len(self.kinds)) if self.high is None else self.high
        return [FITTING[self.kind(place)] for place in range(count)]


def _row(line: str) -> Row:
    names, arity, written, kinds = line.split(" | ")
    low, _, high = arity.rstrip("+").partition("-")
    greatest = None if arity.endswith("+") else int(high or low)
    return Row(names.split(), int(low), greatest, written, kinds.replace(" ", ""))


ROWS = [_row(line) for line in TABLE.splitlines() if line]
EACH = [(name, row) for row in ROWS for name in row.names]


@pytest.fixture(scope="module")
def session() -> rtfs.Session:
    """A session that no test defines anything in."""
    running = rtfs.Session(cache=False)
    running.start("nil")
    return running


def refusal(session: rtfs.Session, name: str, arguments: list[Any]) -> str:
    with pytest.raises(rtfs.RtfsError) as raised:
        session.call(session.lookup(name), *arguments)
    return f"{raised.value.kind}: {raised.value.message}"


def test_the_table_names_everything_that_the_library_offers(session: rtfs.Session) -> None:
    named = {name for name, _ in EACH} | {"math/pi", "math/e"}
    offered = {name for name in library.NAMES if not name.startswith(("rtfs/", "stream.", "stream/"))}
    assert offered - named == set()
    assert named - offered == set()


@pytest.mark.parametrize(("name", "row"), EACH, ids=[name for name, _ in EACH])
def test_a_function_is_written_where_the_table_says(name: str, row: Row, session: rtfs.Session) -> None:
    session.lookup(name)
    assert library.NAMES[name].startswith("stdlib:") == (row.written == "R")
    if row.written != "R":
        assert PRIMARY[name] == row.names[0]


@pytest.mark.parametrize(("name", "row"), EACH, ids=[name for name, _ in EACH])
def test_another_count_of_arguments_is_refused_first(name: str, row: Row, session: rtfs.Session) -> None:
    low, high = row.low, row.high
    expected = (
        f"at least {low}" if high is None else f"{low} or {high}" if high == low + 1 else f"between {low} and {high}"
    )
    shown = name if row.written == "R" else row.names[0]
    for count in ([low - 1] if low else []) + ([high + 1] if high is not None else []):
        text = f"Arity mismatch in {shown}: expected {low if low == high else expected}, got {count}"
        assert refusal(session, name, [FITTING["a"]] * count) == f"ArityMismatch: {text}"
        program = f"(try ({name} {'nil ' * count}) (catch ArityMismatch e (ex-message e)))"
        outcome = session.start(program)
        assert isinstance(outcome, rtfs.Complete) and outcome.value == text


@pytest.mark.parametrize("row", ROWS, ids=[row.names[0] for row in ROWS])
def test_an_argument_of_another_kind_is_a_type_error_that_names_both(row: Row, session: rtfs.Session) -> None:
    fitting = row.arguments()
    for place in range(len(fitting)):
        kind = row.kind(place)
        for wrong in rtfs.read(WRONG.get(kind, "")):
            found = refusal(session, row.names[0], [*fitting[:place], wrong, *fitting[place + 1 :]])
            given = session.call(session.lookup("type-name"), wrong)
            assert found == f"TypeError: Type error in {row.names[0]}: expected {WORDS[kind]}, got {given}"


# what nil gives where that is not what an empty vector or map gives
OF_NIL = {"doall": "nil", "dissoc": "nil", "nth": "IndexOutOfBounds"}
HOSTED = ("rand-nth", "pmap")
NIL = [row for row in ROWS if set(row.kinds) & {"q", "m"} and row.names[0] not in HOSTED]


@pytest.mark.parametrize("row", NIL, ids=[row.names[0] for row in NIL])
def test_nil_is_an_empty_collection(row: Row, session: rtfs.Session) -> None:
    name = row.names[0]
    fitting = row.arguments()[: row.high or row.low or 1] if name != "nth" else [(), 0]
    with_nil = [None if row.kind(place) in "qm" else one for place, one in enumerate(fitting)]

    def outcome(arguments: list[Any]) -> str:
        try:
            return rtfs.show(session.call(session.lookup(name), *arguments))
        except rtfs.RtfsError as error:
            return error.kind

    assert outcome(with_nil) == OF_NIL.get(name, outcome(fitting))
