"""The table of rtfs.lark, as `python -m rtfs.parser.grammar` writes it: change the grammar instead.

One line is one state, numbered in the order in which they are reached from the start, which is state 0.
`NAME=STATE`: where a terminal, or a rule once it is complete, leads to; a text may end where `$END` leads anywhere.
`reduce FUNCTION COUNT RULE`: first, whatever comes next, the last COUNT values become one.
"""
# ruff: noqa: E501 (one line is one state)

TABLE = """\
reduce no_forms 0 forms forms=1
$END=2 AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=8 LBRACE=9 LITERAL=10 LPAR=11 LSQB=12 QUOTE=13 SPLICE=14 STRING=15 SYMBOL=16 UNQUOTE=17 annotated=18 annotation=19 anonymous=20 at=21 context=22 discard=23 discarded=24 function=25 hat=26 list=27 map=28 quote=29 quoted=30 vector=31

reduce at 1 at
reduce quote 1 quote
reduce discard 1 discard
reduce anonymous 1 anonymous
reduce hat 1 hat
reduce add_form 2 forms
reduce no_forms 0 forms forms=32
reduce add_form 2 forms
reduce no_forms 0 forms forms=33
reduce no_forms 0 forms forms=34
reduce quote 1 quote
reduce quote 1 quote
reduce add_form 2 forms
reduce add_form 2 forms
reduce quote 1 quote
reduce add_form 2 forms
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=35 LBRACE=9 LITERAL=36 LPAR=11 LSQB=12 QUOTE=13 SPLICE=14 STRING=37 SYMBOL=38 UNQUOTE=17 annotated=39 annotation=19 anonymous=20 at=21 context=40 discard=23 discarded=41 form=42 function=43 hat=26 list=44 map=45 quote=29 quoted=46 vector=47
reduce no_forms 0 forms forms=48
DISCARD=5 KEYWORD=49 STRING=50 SYMBOL=51 discard=23 discarded=52
reduce add_form 2 forms
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=35 LBRACE=9 LITERAL=36 LPAR=11 LSQB=12 QUOTE=13 SPLICE=14 STRING=37 SYMBOL=38 UNQUOTE=17 annotated=39 annotation=19 anonymous=20 at=21 context=40 discard=23 discarded=53 form=54 function=43 hat=26 list=44 map=45 quote=29 quoted=46 vector=47
reduce same 2 forms
reduce add_form 2 forms
DISCARD=5 KEYWORD=55 LBRACE=9 SYMBOL=56 discard=23 discarded=57 map=58
reduce add_form 2 forms
reduce add_form 2 forms
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=35 LBRACE=9 LITERAL=36 LPAR=11 LSQB=12 QUOTE=13 SPLICE=14 STRING=37 SYMBOL=38 UNQUOTE=17 annotated=39 annotation=19 anonymous=20 at=21 context=40 discard=23 discarded=59 form=60 function=43 hat=26 list=44 map=45 quote=29 quoted=46 vector=47
reduce add_form 2 forms
reduce add_form 2 forms
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=8 LBRACE=9 LITERAL=10 LPAR=11 LSQB=12 QUOTE=13 RBRACE=61 SPLICE=14 STRING=15 SYMBOL=16 UNQUOTE=17 annotated=18 annotation=19 anonymous=20 at=21 context=22 discard=23 discarded=24 function=25 hat=26 list=27 map=28 quote=29 quoted=30 vector=31
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=8 LBRACE=9 LITERAL=10 LPAR=11 LSQB=12 QUOTE=13 RPAR=62 SPLICE=14 STRING=15 SYMBOL=16 UNQUOTE=17 annotated=18 annotation=19 anonymous=20 at=21 context=22 discard=23 discarded=24 function=25 hat=26 list=27 map=28 quote=29 quoted=30 vector=31
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=8 LBRACE=9 LITERAL=10 LPAR=11 LSQB=12 QUOTE=13 RSQB=63 SPLICE=14 STRING=15 SYMBOL=16 UNQUOTE=17 annotated=18 annotation=19 anonymous=20 at=21 context=22 discard=23 discarded=24 function=25 hat=26 list=27 map=28 quote=29 quoted=30 vector=31
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce same 2 annotation
reduce annotated 2 annotated
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
AT=3 BACKQUOTE=4 DISCARD=5 FUNCTION=6 HAT=7 KEYWORD=8 LBRACE=9 LITERAL=10 LPAR=11 LSQB=12 QUOTE=13 RPAR=64 SPLICE=14 STRING=15 SYMBOL=16 UNQUOTE=17 annotated=18 annotation=19 anonymous=20 at=21 context=22 discard=23 discarded=24 function=25 hat=26 list=27 map=28 quote=29 quoted=30 vector=31
reduce context 2 context
reduce context 2 context
reduce context 2 context
reduce at 2 at
reduce same 2 discard
reduce discarded 2 discarded
reduce annotation 2 annotation
reduce annotation 2 annotation
reduce hat 2 hat
reduce annotation 2 annotation
reduce quote 2 quote
reduce quoted 2 quoted
reduce map 3 map
reduce list 3 list
reduce vector 3 vector
reduce function 3 function
"""
