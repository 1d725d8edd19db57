from rtfs.eval import builtins
