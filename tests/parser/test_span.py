"""Where forms stand: lines and columns count characters from 1, ends are exclusive."""

from __future__ import annotations

from rtfs.lang.collections import List
from rtfs.lang.source import Source
from rtfs.parser.reader import read


def place(span):
    return None if span is None else (span.line, span.column, span.end_line, span.end_column)


def reading(text):
    return read(Source("test", text))


def test_collections_are_found_by_identity():
    found = reading("(a [b]\n   {:c d})\n(e)")
    outer, last = found.forms
    assert place(found.spans.of(outer)) == (1, 1, 2, 11)
    assert place(found.spans.of(outer[1])) == (1, 4, 1, 7)
    assert place(found.spans.of(outer[2])) == (2, 4, 2, 10)
    assert place(found.spans.of(last)) == (3, 1, 3, 4)
    assert found.spans.of(List(outer)) is None


def test_symbols_carry_their_own_span():
    found = reading("(alpha\n  beta:gamma)")
    alpha, beta, _ = found.forms[0]
    assert place(alpha.span) == (1, 2, 1, 7) and place(found.spans.of(alpha)) == (1, 2, 1, 7)
    assert place(beta.span) == (2, 3, 2, 7)
    assert alpha.span.source is found.spans.source


def test_every_part_of_a_collection_has_a_place():
    found = reading('(f 1 "two\nlines" :k nil [x])')
    form = found.forms[0]
    assert [place(found.spans.child(form, index)) for index in range(7)] == [
        (1, 2, 1, 3),
        (1, 4, 1, 5),
        (1, 6, 2, 7),
        (2, 8, 2, 10),
        (2, 11, 2, 14),
        (2, 15, 2, 18),
        None,
    ]


def test_the_parts_of_a_map_are_key_value_key_value():
    found = reading("{:a 1 :b {:c 2} :a 3}")
    form = found.forms[0]
    columns = [found.spans.child(form, index).column for index in range(6)]
    assert columns == [2, 5, 7, 10, 17, 20]


def test_top_level_forms_are_the_parts_of_the_list_of_forms():
    found = reading('1 :k\n"s" (x)\n')
    assert [place(found.spans.child(found.forms, index)) for index in range(4)] == [
        (1, 1, 1, 2),
        (1, 3, 1, 5),
        (2, 1, 2, 4),
        (2, 5, 2, 8),
    ]
    assert place(found.spans.of(found.forms)) == (1, 1, 3, 1)


def test_empty_vectors_are_found_as_parts_only():
    found = reading("([] [] a)")
    form = found.forms[0]
    assert found.spans.of(form[0]) is None
    assert place(found.spans.child(form, 0)) == (1, 2, 1, 4)
    assert place(found.spans.child(form, 1)) == (1, 5, 1, 7)


def test_empty_lists_and_maps_have_each_their_own_place():
    found = reading("[() () {} {}]")
    assert [found.spans.of(part).column for part in found.forms[0]] == [2, 5, 8, 11]


def test_a_prefixed_form_begins_at_its_prefix():
    found = reading("[' x\n ~@(y) @z]")
    quoted, spliced, context = found.forms[0]
    assert place(found.spans.of(quoted)) == (1, 2, 1, 5)
    assert place(quoted[0].span) == (1, 2, 1, 3) and place(found.spans.child(quoted, 1)) == (1, 4, 1, 5)
    assert place(found.spans.of(spliced)) == (2, 2, 2, 7)
    assert place(found.spans.of(context)) == (2, 8, 2, 10) and place(found.spans.child(context, 1)) == (2, 9, 2, 10)


def test_metadata_and_its_form_have_places():
    found = reading("^:k\n(f)")
    form = found.forms[0]
    assert place(found.spans.of(form)) == (1, 1, 2, 4)
    assert [place(found.spans.child(form, index)) for index in range(3)] == [(1, 1, 1, 2), (1, 2, 1, 4), (2, 1, 2, 4)]
    assert place(found.spans.of(form[1])) == (1, 2, 1, 4) and place(found.spans.child(form[1], 1)) == (1, 2, 1, 4)


def test_an_anonymous_function_stands_where_it_is_written():
    found = reading(" #(f % %2)")
    form = found.forms[0]
    head, parameters, body = form
    assert place(found.spans.of(form)) == place(found.spans.of(body)) == (1, 2, 1, 11)
    assert place(head.span) == place(found.spans.of(parameters)) == place(parameters[1].span) == (1, 2, 1, 4)
    assert place(body[1].span) == (1, 6, 1, 7)


def test_a_clause_knows_the_places_of_its_parts():
    found = reading("{p => e}")
    form = found.forms[0]
    assert [found.spans.child(form, index).column for index in range(3)] == [4, 2, 7]
    assert place(found.spans.of(form)) == (1, 1, 1, 9)


def test_a_map_that_splices_knows_the_places_of_its_parts():
    found = reading("`{:a ~@b}")
    form = found.forms[0][1]
    assert [found.spans.child(form, index).column for index in range(3)] == [2, 3, 6]


def test_columns_count_characters_not_bytes():
    found = reading('"λ😀" é x')
    assert place(found.forms[2].span) == (1, 8, 1, 9)


def test_lines_end_with_a_line_feed_however_they_begin():
    found = reading('a\r\n b\n\n\n\tc ; x\n#| \n\n |# d "\n" e')
    assert [(each.span.line, each.span.column) for each in found.forms if type(each) is not str] == [
        (1, 1),
        (2, 2),
        (5, 2),
        (8, 5),
        (9, 3),
    ]


def test_a_byte_order_mark_has_no_width_and_a_shell_line_is_a_line():
    assert place(reading("\ufeffa").forms[0].span) == (1, 1, 1, 2)
    assert place(reading("#!x\na").forms[0].span) == (2, 1, 2, 2)


def test_the_annotation_mark_has_a_place():
    assert place(reading("[x : int]").forms[0][1].span) == (1, 4, 1, 5)


def test_one_form_written_twice_has_two_places():
    found = reading("[(a) (a)]")
    first, second = found.forms[0]
    assert (found.spans.of(first).column, found.spans.of(second).column) == (2, 6)
