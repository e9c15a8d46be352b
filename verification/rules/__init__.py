"""Rules over rendered manifests: pure functions that return what they object to."""
