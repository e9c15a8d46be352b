"""The whole pipeline on this machine: processes, and who looks after them."""
