"""From a parsed document to a verdict: compiled schemas check, marshmallow explains."""
