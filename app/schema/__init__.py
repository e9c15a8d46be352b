"""The language that the rules of bid requests are declared in."""
