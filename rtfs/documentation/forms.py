"""What is said about the special forms: how they are written, what they mean, an example that is run by the tests.

The forms themselves are in rtfs/eval/special, one file per family; a test holds that every one has an entry here.
"""

from __future__ import annotations

from typing import NamedTuple


class FormDoc(NamedTuple):
    """One form with its other names. `example`: text, result, and the host calls with their answers."""

    names: tuple[str, ...]
    usage: tuple[str, ...]
    doc: str
    example: tuple[str, ...]


FORMS = (
    # ---- definitions and bindings
    FormDoc(
        ("def",),
        ("(def name value)", "(def name T value)", '(def name "doc" value)'),
        "Defines a name of the module, or of the body it stands in, and gives the value.",
        ("(def speed :int 3) (* speed 2)", "6"),
    ),
    FormDoc(
        ("defn", "defn-"),
        ('(defn name "doc"? {attributes}? [params…] T? body)', "(defn name ([params…] body) ([params…] body) …)"),
        "Defines a function, also with several arities; `defn-` keeps the name out of exports.",
        ('(defn hi "Greets." ([] (hi "you")) ([name] (str "hi " name))) (hi)', '"hi you"'),
    ),
    FormDoc(
        ("fn", "lambda", "λ"),
        ("(fn name? [params…] T? body)", "(fn name? ([params…] body) …)", "#(… % %2 %&)"),
        "A function; `& rest` takes the remaining arguments as a list. The name is visible in the body.",
        ("((fn [x & more] [x more]) 1 2 3)", "[1 (2 3)]"),
    ),
    FormDoc(
        ("defmacro",),
        ('(defmacro name "doc"? {attributes}? [params…] body)',),
        "Defines a macro: a function from forms to a form, called while the program is expanded.",
        ("(defmacro unless2 [test & body] `(if ~test nil (do ~@body))) (unless2 false 1 2)", "2"),
    ),
    FormDoc(
        ("defstruct",),
        ("(defstruct Name :field T …)",),
        "Defines a record type and its constructor, which checks a map and gives it unchanged.",
        ('(defstruct Item :sku :string :qty :int) (Item {:sku "z" :qty 4})', '{:sku "z" :qty 4}'),
    ),
    FormDoc(
        ("deftype",),
        ("(deftype Name T)",),
        "Names a type.",
        ("(deftype Port [:and :int [:in-range 1 65535]]) (valid? 'Port 80)", "true"),
    ),
    FormDoc(
        ("let",),
        ("(let [pattern T? value …] body)",),
        "Binds patterns one after the other for the body; functions bound by one `let` see each other.",
        ("(let [{:keys [x]} {:x 3} y (* x x)] [x y])", "[3 9]"),
    ),
    FormDoc(
        ("letrec",),
        ("(letrec [name T? value …] body)",),
        "Binds names that are all visible in all values.",
        ("(letrec [down (fn [n] (if (> n 0) (down (dec n)) :done))] (down 4))", ":done"),
    ),
    FormDoc(
        ("loop",),
        ("(loop [pattern T? value …] body)",),
        "Like `let`; `recur` in its tail position binds the patterns anew and goes on, in constant space.",
        ("(loop [i 0 total 0] (if (= i 4) total (recur (inc i) (+ total i))))", "6"),
    ),
    FormDoc(
        ("recur",),
        ("(recur value …)",),
        "Goes on with the nearest loop or function around it with new values; only in tail position.",
        ("((fn [n product] (if (zero? n) product (recur (dec n) (* product n)))) 5 1)", "120"),
    ),
    # ---- control
    FormDoc(
        ("if",),
        ("(if test then else?)",),
        "The first branch if the test is neither nil nor false; otherwise the second, or nil without one.",
        ("(if (empty? [1]) :none :some)", ":some"),
    ),
    FormDoc(
        ("do",),
        ("(do form …)",),
        "The forms in order; the value of the last.",
        ("(do 1 2 3)", "3"),
    ),
    FormDoc(
        ("and",),
        ("(and form …)",),
        "The first value that is nil or false, otherwise the last; forms after it are not evaluated.",
        ("[(and 1 nil 2) (and)]", "[nil true]"),
    ),
    FormDoc(
        ("or",),
        ("(or form …)",),
        "The first value that is neither nil nor false, otherwise the last; forms after it are not evaluated.",
        ("[(or nil 3) (or)]", "[3 nil]"),
    ),
    FormDoc(
        ("match",),
        ("(match value pattern body …)", "(match value pattern when guard body …)"),
        "The body of the first pattern that fits the value and whose guard holds; MatchError when none does.",
        ("(match {:a 1 :b [2 3]} {:a n :b [x & more]} when (> x n) [n x more])", "[1 2 (3)]"),
    ),
    FormDoc(
        ("try", "catch", "finally"),
        ("(try body (catch Kind error body) … (finally body)?)", "(try body (catch error body))"),
        "The body; an error goes to the first clause that names its kind, base kind or :type. `finally` always runs.",
        ("(try (/ 1 0) (catch DivisionByZero error (:message error)))", '"Division by zero"'),
    ),
    FormDoc(
        ("throw",),
        ("(throw value)",),
        "Raises an ApplicationError with the value as data, or an error value again as it was.",
        ("(try (throw {:type :no-stock :sku 9}) (catch :no-stock e (:sku (ex-data e))))", "9"),
    ),
    # ---- data and templates
    FormDoc(("quote",), ("'form", "(quote form)"), "The form as data.", ("'(a [b] {:c d})", "(a [b] {:c d})")),
    FormDoc(
        ("quasiquote", "unquote", "unquote-splicing"),
        ("`template", "~form", "~@forms"),
        "Data from a template: `~` puts in a value, `~@` the elements of one; `name#` is a fresh name.",
        ("(let [xs [1 2]] `(a ~(+ 1 1) ~@xs))", "(a 2 1 2)"),
    ),
    FormDoc(
        ("meta",),
        ("(meta name)", "(meta value)"),
        "The metadata of a definition, otherwise that of a function value, or nil.",
        ("(defn f {:since 2} [x] x) (:since (meta f))", "2"),
    ),
    FormDoc(
        ("doc",),
        ("(doc name)", "(doc value)"),
        "The documentation of a definition, otherwise that of a function value, or nil.",
        ('(def ^{:doc "Items per page."} size 20) (doc size)', '"Items per page."'),
    ),
    # ---- modules
    FormDoc(
        ("module",),
        ('(module name "doc"? (:exports [name …])? body…)',),
        "Defines a module and runs its body; without exports all names are visible that are not private.",
        ("(module geo (:exports [area]) (defn area [r] (* 3 r r))) (import geo :as g) (g/area 2)", "12"),
    ),
    FormDoc(
        ("import",),
        ("(import module)", "(import module :as alias :only [name …])", "(import [module :as alias] …)"),
        "Makes the names of a module visible as module/name, and others as asked; finds it in a file if need be.",
        ("(module m (def v 5)) (import m :only [v]) v", "5"),
    ),
    FormDoc(
        ("export",),
        ("(export name …)",),
        "Inside a module: adds names to what it exports.",
        ("(module m (def v 5) (def w 6) (export v)) (import m) m/v", "5"),
    ),
    # ---- the host
    FormDoc(
        ("call",),
        ("(call :capability.id argument …)",),
        "Asks the host: the only effect of a program. Its answer is the value, its failure a HostError.",
        ('(* 2 (call :sensor.read "hall"))', "40", 'sensor.read "hall" => 20'),
    ),
    FormDoc(
        ("context/get",),
        ("(context/get key default?)", "@key"),
        "A value of the host's read-only context; the default, or nil, when there is none.",
        ("[(context/get :speed 3) @speed]", "[3 nil]"),
    ),
    FormDoc(
        ("step",),
        ('(step "name" :expose-context b? :context-keys [k …]? :params {k v …}? body)',),
        "The body; the host is told when it starts, completes and fails. `:params` are bound as the map %params.",
        ('(step "sum" :params {"n" 6} (* 2 (get %params "n")))', "12"),
    ),
    FormDoc(
        ("step-if",),
        ("(step-if test then else?)",),
        "`if` as a step that the host is told of.",
        ("(step-if (> 3 2) :yes :no)", ":yes"),
    ),
    FormDoc(
        ("step-loop",),
        ("(step-loop test body)",),
        "The body as long as the test holds, at most 10,000 rounds, as a step; the last value or nil.",
        (
            "(step-loop (call :queue.more) (call :queue.take))",
            "7",
            "queue.more => true",
            "queue.take => 7",
            "queue.more => false",
        ),
    ),
    FormDoc(
        ("step-parallel",),
        ("(step-parallel form …)",),
        "The values of the forms by one host call, which may evaluate them at once.",
        ("(step-parallel (+ 1 1) (+ 2 2))", "[2 4]", "ccos.concurrent/parallel #<function> #<function> => [2 4]"),
    ),
    FormDoc(
        ("plan",),
        ('(plan "name"? :key value … :body form)',),
        "The value of the body; the other properties describe the plan to the host.",
        ('(plan "report" :language rtfs20 :body (+ 1 2))', "3"),
    ),
    FormDoc(
        ("capability", "resource", "intent", "action"),
        ('(capability "id" :key value …)', "(intent :key value …)"),
        "A map that says what it describes; schemas are taken as data.",
        ('(capability "a.b" :version "1.0.0")', '{:object :capability :id "a.b" :version "1.0.0"}'),
    ),
)
