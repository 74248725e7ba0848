//! SHA-256, as files show it.

use sha2::{Digest, Sha256};

/// The SHA-256 of a text: 64 hexadecimal digits.
#[must_use]
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
