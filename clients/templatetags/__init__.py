"""Template tags of the clients app."""
