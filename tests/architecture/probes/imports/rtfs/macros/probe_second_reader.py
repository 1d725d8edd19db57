import lark
