//! What databases and traces carry to say which spec they are of.

use sha2::{Digest, Sha256};

/// The hash of a spec as databases and traces carry it: of its text, its constants and its tick in milliseconds.
#[must_use]
pub fn spec_hash(text: &str, instance: Option<&str>, settings: &[(String, String)], tick: i64) -> String {
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let parts = [text, instance.unwrap_or_default(), &settings.join(","), &tick.to_string()];
    let all: String = parts.iter().map(|p| format!("{}:{p}", p.len())).collect();
    let digest = Sha256::digest(all.as_bytes());
    format!("sha256:{}", digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
}
