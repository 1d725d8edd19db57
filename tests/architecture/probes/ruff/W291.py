trailing = 1 
