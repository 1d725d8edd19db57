"""The table of rtfs.lark, as `python -m rtfs.parser.grammar` writes it: change the grammar instead.

One line is one state, numbered in the order in which they are reached from the start, which is state 0.
`reduce FUNCTION COUNT RULE`: first, whatever comes next, the last COUNT values, 1 or 2, become one.
`NAME=STATE`: where a terminal, or a rule once it is complete, leads to; a text may end where `$END` leads anywhere.
"""
# ruff: noqa: E501 (one line is one state)

TABLE = """\
BEGIN=1 items{BEGIN}=2
reduce begin 1 items{BEGIN}
$END=3 AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=9 LBRACE=10 LITERAL=11 LPAR=12 LSQB=13 QUOTE=14 SPLICE=15 STRING=16 SYMBOL=17 UNQUOTE=18 annotated=19 annotation=20 anonymous=21 at=22 context=23 discard=24 discarded=25 function=26 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=32 map=33 quote=34 quoted=35 vector=36

reduce at 1 at
reduce quote 1 quote
reduce discard 1 discard
reduce anonymous 1 anonymous
reduce hat 1 hat
reduce add 2 items{BEGIN}
reduce begin 1 items{LBRACE}
reduce add 2 items{BEGIN}
reduce begin 1 items{LPAR}
reduce begin 1 items{LSQB}
reduce quote 1 quote
reduce quote 1 quote
reduce add 2 items{BEGIN}
reduce add 2 items{BEGIN}
reduce quote 1 quote
reduce add 2 items{BEGIN}
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=37 LBRACE=10 LITERAL=38 LPAR=12 LSQB=13 QUOTE=14 SPLICE=15 STRING=39 SYMBOL=40 UNQUOTE=18 annotated=41 annotation=20 anonymous=21 at=22 context=42 discard=24 discarded=43 form=44 function=45 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=46 map=47 quote=34 quoted=48 vector=49
reduce begin 1 items{anonymous}
DISCARD=6 KEYWORD=50 STRING=51 SYMBOL=52 discard=24 discarded=53
reduce add 2 items{BEGIN}
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=37 LBRACE=10 LITERAL=38 LPAR=12 LSQB=13 QUOTE=14 SPLICE=15 STRING=39 SYMBOL=40 UNQUOTE=18 annotated=41 annotation=20 anonymous=21 at=22 context=42 discard=24 discarded=54 form=55 function=45 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=46 map=47 quote=34 quoted=48 vector=49
reduce first 2 items{BEGIN}
reduce add 2 items{BEGIN}
DISCARD=6 KEYWORD=56 LBRACE=10 SYMBOL=57 discard=24 discarded=58 items{LBRACE}=28 map=59
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=60 LBRACE=10 LITERAL=61 LPAR=12 LSQB=13 QUOTE=14 RBRACE=62 SPLICE=15 STRING=63 SYMBOL=64 UNQUOTE=18 annotated=65 annotation=20 anonymous=21 at=22 context=66 discard=24 discarded=67 function=68 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=69 map=70 quote=34 quoted=71 vector=72
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=73 LBRACE=10 LITERAL=74 LPAR=12 LSQB=13 QUOTE=14 RPAR=75 SPLICE=15 STRING=76 SYMBOL=77 UNQUOTE=18 annotated=78 annotation=20 anonymous=21 at=22 context=79 discard=24 discarded=80 function=81 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=82 map=83 quote=34 quoted=84 vector=85
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=86 LBRACE=10 LITERAL=87 LPAR=12 LSQB=13 QUOTE=14 RSQB=88 SPLICE=15 STRING=89 SYMBOL=90 UNQUOTE=18 annotated=91 annotation=20 anonymous=21 at=22 context=92 discard=24 discarded=93 function=94 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=95 map=96 quote=34 quoted=97 vector=98
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=99 LBRACE=10 LITERAL=100 LPAR=12 LSQB=13 QUOTE=14 RPAR=101 SPLICE=15 STRING=102 SYMBOL=103 UNQUOTE=18 annotated=104 annotation=20 anonymous=21 at=22 context=105 discard=24 discarded=106 function=107 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=108 map=109 quote=34 quoted=110 vector=111
reduce add 2 items{BEGIN}
reduce add 2 items{BEGIN}
AT=4 BACKQUOTE=5 DISCARD=6 FUNCTION=7 HAT=8 KEYWORD=37 LBRACE=10 LITERAL=38 LPAR=12 LSQB=13 QUOTE=14 SPLICE=15 STRING=39 SYMBOL=40 UNQUOTE=18 annotated=41 annotation=20 anonymous=21 at=22 context=42 discard=24 discarded=112 form=113 function=45 hat=27 items{LBRACE}=28 items{LPAR}=29 items{LSQB}=30 items{anonymous}=31 list=46 map=47 quote=34 quoted=48 vector=49
reduce add 2 items{BEGIN}
reduce add 2 items{BEGIN}
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce first 2 annotation
reduce annotated 2 annotated
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce form 1 form
reduce context 2 context
reduce context 2 context
reduce context 2 context
reduce at 2 at
reduce first 2 discard
reduce discarded 2 discarded
reduce annotation 2 annotation
reduce annotation 2 annotation
reduce hat 2 hat
reduce annotation 2 annotation
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce map 2 map
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce first 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LBRACE}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce list 2 list
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce first 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LPAR}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce vector 2 vector
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce first 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{LSQB}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce function 2 function
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce first 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce add 2 items{anonymous}
reduce quote 2 quote
reduce quoted 2 quoted
"""
