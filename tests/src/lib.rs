//! End-to-end tests of archc: see `tests/`.
