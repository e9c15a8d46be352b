"""The executables that the harness drives: docker, kind and kubectl, never through a shell."""
