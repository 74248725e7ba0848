//! Making names of words.

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(crate) fn is_ident(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `READY`: how enum constants are written.
pub(crate) fn is_constant(name: &str) -> bool {
    name.chars().any(|c| c.is_ascii_uppercase()) && !name.chars().any(|c| c.is_ascii_lowercase())
}

/// `LeaseState`: how truth objects are written.
pub(crate) fn is_object(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
}

/// `I01`: how archetypes are numbered.
pub(crate) fn is_archetype(name: &str) -> bool {
    let digits = name.strip_prefix(|c: char| c.is_ascii_uppercase()).unwrap_or_default();
    (2..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `rollout_health` as `RolloutHealth`.
pub(crate) fn camel(name: &str) -> String {
    name.split('_').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// `TaskAttemptState` as `task_attempt`.
pub(crate) fn snake_object(name: &str) -> String {
    let stem = name.strip_suffix("State").filter(|s| !s.is_empty()).unwrap_or(name);
    let mut out = String::new();
    let mut after_lower = false;
    for c in stem.chars() {
        if c.is_ascii_uppercase() && after_lower {
            out.push('_');
        }
        after_lower = !c.is_ascii_uppercase();
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The name of a protocol, from what stands before `protocol:`.
pub(crate) fn protocol(heading: &str) -> String {
    let words: Vec<String> = heading
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.first().map(String::as_str) {
        None => "main".to_string(),
        Some(first @ ("main" | "repair" | "read")) => first.to_string(),
        Some(first) if first.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("protocol_{}", words.join("_"))
        }
        Some(_) => words.join("_"),
    }
}

/// `base`, or `base_2`, `base_3`, … if it is taken.
pub(crate) fn unique(base: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_string();
    }
    (2..).map(|n| format!("{base}_{n}")).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_headings() {
        assert_eq!(protocol("Main runtime"), "main");
        assert_eq!(protocol("Repair/fencing"), "repair");
        assert_eq!(protocol("Retry/drain"), "retry_drain");
        assert_eq!(protocol(""), "main");
        assert_eq!(snake_object("TTLState"), "ttl");
        assert_eq!(snake_object("OwnerEpoch"), "owner_epoch");
        assert_eq!(camel("rollout_health"), "RolloutHealth");
    }
}
