//! Stub, filled in below.
