import rtfs.session
