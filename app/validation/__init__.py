"""From a parsed document to a result: compiled schemas check, marshmallow explains."""
